import { performance } from 'node:perf_hooks';
import type { LogRecord } from './record.ts';

/** One thing that is away. */
interface Outage {
  /** When its minute began. */
  since: number;
  lines: number;
  held: number;
  stackShown: boolean;
  last: LogRecord;
  seen: number;
  timer: NodeJS.Timeout | undefined;
}

const budget = 20;
const minute = 60_000;
/** An outage of which nothing is heard for so long is over, whether or not somebody said so. */
const forgotten = 10 * minute;

/**
 * Gives the records of one outage 20 lines a minute and one stack (G-062); the last line of a minute says how many more
 * there were. Lifecycle lines always pass, and so does the record that says that it is over. DEBUG is not counted.
 */
export class Outages {
  readonly #write: (record: LogRecord) => void;
  readonly #clock: () => number;
  readonly #outages = new Map<string, Outage>();

  /** `write` gets the sums. */
  constructor(write: (record: LogRecord) => void, clock: () => number = () => performance.now()) {
    this.#write = write;
    this.#clock = clock;
  }

  filter(record: LogRecord): LogRecord | undefined {
    if (record.recovered !== undefined) this.#end(record.recovered);
    if (record.outage === undefined || record.levelno < 20) return record;
    const outage = this.#outageOf(record.outage, record);
    const shown = outage.stackShown ? withoutStack(record) : record;
    const lines = record.message.split('\n').length;
    if (record.event === undefined && outage.lines > 0 && outage.lines + lines >= budget) {
      outage.held++;
      outage.timer ??= this.#sumUpLater(record.outage, outage);
      return undefined;
    }
    outage.lines += lines;
    outage.stackShown ||= (record.error?.lines.length ?? 0) > 0;
    return shown;
  }

  /** Writes the sums now, because the process ends. */
  flush(): void {
    for (const [name, outage] of this.#outages) this.#sumUp(name, outage);
  }

  close(): void {
    for (const name of [...this.#outages.keys()]) this.#end(name);
  }

  #outageOf(name: string, record: LogRecord): Outage {
    const now = this.#clock();
    const known = this.#outages.get(name);
    if (known === undefined || now - known.seen >= forgotten) {
      this.#end(name);
      const begun = { since: now, lines: 0, held: 0, stackShown: false, last: record, seen: now, timer: undefined };
      this.#outages.set(name, begun);
      return begun;
    }
    known.seen = now;
    known.last = record;
    if (known.timer === undefined && now - known.since >= minute) {
      known.since = now;
      known.lines = 0;
    }
    return known;
  }

  #sumUpLater(name: string, outage: Outage): NodeJS.Timeout {
    const timer = setTimeout(
      () => {
        outage.timer = undefined;
        this.#sumUp(name, outage);
      },
      Math.max(0, outage.since + minute - this.#clock()),
    );
    return timer.unref();
  }

  #sumUp(name: string, outage: Outage): void {
    const { held, last } = outage;
    if (held === 0) return;
    const now = this.#clock();
    const seconds = Math.max(1, Math.round((now - outage.since) / 1000));
    outage.held = 0;
    outage.lines = 1;
    outage.since = now;
    this.#write({
      ...withoutStack(last),
      level: 'WARNING',
      levelno: 30,
      template: '%d more records about the outage of the %s in the last %d s',
      values: [held, name, seconds],
      message: `${held} more records about the outage of the ${name} in the last ${seconds} s`,
      error: undefined,
      resource: undefined,
    });
  }

  #end(name: string): void {
    const outage = this.#outages.get(name);
    if (outage === undefined) return;
    clearTimeout(outage.timer);
    this.#outages.delete(name);
    this.#sumUp(name, outage);
  }
}

function withoutStack(record: LogRecord): LogRecord {
  return record.error === undefined ? record : { ...record, error: { ...record.error, lines: [] } };
}
