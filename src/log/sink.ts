import type { LogRecord } from './record.ts';

/** A place that records go to. Nothing here throws or waits: what cannot be written goes to standard error. */
export interface Sink {
  /** Writes one record, already as text without its last line break, before it returns. */
  write(record: LogRecord, text: string): void;
  /** Opens the place again under its name (G-051). */
  reopen?(): void;
  /** Lets go of what is held. Records that come later go to standard error. */
  close(): Promise<void>;
}

/** What a sink tells of itself: by the log's other sinks, if there are any. */
export type Complain = (text: string) => void;
