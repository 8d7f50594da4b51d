import { performance } from 'node:perf_hooks';
import { type LogRecord, withSuffix } from './record.ts';

/** Records of one kind, as long as they keep coming. */
interface Kind {
  /** When its interval began. */
  since: number;
  written: number;
  held: number;
  last: LogRecord;
  timer: NodeJS.Timeout | undefined;
}

/** Loggers of nothing but lifecycle lines. */
const lifecycle: readonly string[] = ['oslo_service.service', 'cinder.cmd.volume'];

const most = 3;
const crowd = 500;

/**
 * Holds back a record at WARNING or above that repeats one of the same logger, template and resource more than three
 * times within an interval, and sums up at the interval's end (G-061). While it goes on repeating, the sum is all that is
 * written. Lifecycle lines, which bear an event or come from loggers
 * of their own, always pass.
 */
export class Repeats {
  readonly #interval: number;
  readonly #write: (record: LogRecord) => void;
  readonly #clock: () => number;
  readonly #kinds = new Map<string, Kind>();

  /** `interval` in seconds; `write` gets the sums. */
  constructor(interval: number, write: (record: LogRecord) => void, clock: () => number = () => performance.now()) {
    this.#interval = interval * 1000;
    this.#write = write;
    this.#clock = clock;
  }

  filter(record: LogRecord): LogRecord | undefined {
    if (record.levelno < 30 || record.event !== undefined || lifecycle.includes(record.name)) return record;
    const key = `${record.name}\0${record.template}\0${record.resource ?? ''}`;
    const now = this.#clock();
    const kind = this.#kinds.get(key);
    if (kind === undefined || (kind.timer === undefined && now - kind.since >= this.#interval)) {
      if (this.#kinds.size >= crowd) this.#forgetOld(now);
      this.#kinds.set(key, { since: now, written: 1, held: 0, last: record, timer: undefined });
      return record;
    }
    if (kind.written < most) {
      kind.written++;
      return record;
    }
    kind.held++;
    kind.last = record;
    kind.timer ??= this.#sumUpLater(key, kind, kind.since + this.#interval - now);
    return undefined;
  }

  /** Writes the sums now, because the process ends. */
  flush(): void {
    for (const kind of this.#kinds.values()) this.#sumUp(kind);
  }

  /** Writes the sums and forgets everything. */
  close(): void {
    this.flush();
    for (const { timer } of this.#kinds.values()) clearTimeout(timer);
    this.#kinds.clear();
  }

  #sumUpLater(key: string, kind: Kind, wait: number): NodeJS.Timeout {
    const timer = setTimeout(() => {
      if (kind.held === 0) this.#kinds.delete(key);
      else kind.timer = this.#sumUpLater(key, kind, this.#interval);
      this.#sumUp(kind);
    }, wait);
    return timer.unref();
  }

  #sumUp(kind: Kind): void {
    if (kind.held === 0) return;
    const now = this.#clock();
    const seconds = Math.max(1, Math.round((now - kind.since) / 1000));
    const sum = withSuffix(kind.last, ' (repeated %d times in the last %d s)', [kind.held, seconds]);
    kind.since = now;
    kind.held = 0;
    this.#write(sum);
  }

  #forgetOld(now: number): void {
    for (const [key, kind] of this.#kinds) {
      if (kind.timer === undefined && now - kind.since >= this.#interval) this.#kinds.delete(key);
    }
  }
}
