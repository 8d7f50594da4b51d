import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { Counts } from './counts.ts';

const warning = /^\S+ \S+ \d+ (?:WARNING|ERROR|CRITICAL) \S+ \[[^\]]*?(req-[0-9a-f-]{36})/;

/** What a daemon writes to its log from now on, read piece by piece: a long test does not hold all of it. */
export class LogTail {
  /** Request ids of the lines at WARNING and above. */
  readonly ids = new Counts();
  /** Messages that were no requests. */
  dropped = 0;
  readonly #path: string;
  #offset: number;

  constructor(path: string) {
    this.#path = path;
    this.#offset = statSync(path).size;
  }

  /** Counts what was written since the last time. */
  read(): void {
    const bytes = Buffer.alloc(statSync(this.#path).size - this.#offset);
    const file = openSync(this.#path, 'r');
    readSync(file, bytes, 0, bytes.length, this.#offset);
    closeSync(file);
    const end = bytes.lastIndexOf('\n') + 1;
    this.#offset += end;
    for (const line of bytes.subarray(0, end).toString('latin1').split('\n')) {
      const [, id] = warning.exec(line) ?? [];
      if (id !== undefined) this.ids.add(id);
      if (line.includes('Dropped what came by queue')) this.dropped += 1;
    }
  }

  /** Forgets what was counted so far. */
  clear(): void {
    this.ids.clear();
    this.dropped = 0;
  }
}
