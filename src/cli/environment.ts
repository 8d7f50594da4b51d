import type { Schema } from '../config/schema.ts';

/** A stream that a command writes to, and what a command may know of it. */
export interface Terminal {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  /** Whether words may be coloured. */
  readonly colours?: boolean | undefined;
}

/** What a command sees of the process: only main hands it out. */
export interface Environment {
  /** The answer, and only it. */
  readonly stdout: Terminal;
  /** Progress, warnings, errors. */
  readonly stderr: Terminal;
  /** The variables of the process itself. */
  readonly env: Record<string, string | undefined>;
  readonly cwd: string;
  /** The user's home, where `HOME` does not say another. */
  readonly home: string;
  /** Every option that the daemon knows. */
  readonly schema: () => Promise<Schema>;
  /** Aborts on ^C: the command ends, what it started does not. */
  readonly signal: AbortSignal;
}
