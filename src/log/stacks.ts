import { performance } from 'node:perf_hooks';
import { type LogRecord, withSuffix } from './record.ts';

interface Shown {
  count: number;
  seen: number;
}

const memory = 10 * 60_000;
const crowd = 200;

/**
 * Shows the stack of an error once: the same error under the same message within ten minutes is one line, with the count
 * (G-064). An error counts as the same when its summary and its innermost frame are.
 */
export class Stacks {
  readonly #clock: () => number;
  readonly #shown = new Map<string, Shown>();

  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  filter(record: LogRecord): LogRecord {
    const { error } = record;
    if (error === undefined || error.lines.length === 0) return record;
    const key = [record.name, record.message, error.summary, error.lines.find((line) => /^\s+at /.test(line))].join(
      '\0',
    );
    const now = this.#clock();
    const shown = this.#shown.get(key);
    if (shown === undefined || now - shown.seen >= memory) {
      if (this.#shown.size >= crowd) this.#forgetOldest();
      this.#shown.delete(key);
      this.#shown.set(key, { count: 1, seen: now });
      return record;
    }
    shown.count++;
    shown.seen = now;
    return withSuffix({ ...record, error: { ...error, lines: [] } }, ' (%d times so far)', [shown.count]);
  }

  #forgetOldest(): void {
    for (const key of [...this.#shown.keys()].slice(0, crowd / 2)) this.#shown.delete(key);
  }
}
