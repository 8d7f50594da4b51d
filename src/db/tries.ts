import { Backoff } from '../base/retry.ts';
import type { DatabaseOptions } from './options.ts';
import { ServerError } from './server-error.ts';

/** Milliseconds for which a server that is away is tried again, unless `use_db_reconnect` asks for more. */
const reconnectFor = 3_000;

/** Somebody else made the same row, and another look finds it; who still does not was wrong from the start. */
const duplicatesAtMost = 2;

/** The tries of one transaction on a server: which errors deserve another, and when. */
export class Tries {
  readonly #options: DatabaseOptions;
  readonly #start = performance.now();
  readonly #conflictPause: Backoff;
  readonly #lossPause: Backoff;
  #conflicts = 0;
  #duplicates = 0;
  #losses = 0;

  constructor(options: DatabaseOptions) {
    const { db_retry_interval, db_inc_retry_interval, db_max_retry_interval } = options;
    const most = Math.max(0, db_max_retry_interval) * 1000;
    this.#options = options;
    this.#conflictPause = new Backoff({ first: 10, most, spread: 40 });
    const first = options.use_db_reconnect ? Math.max(0, db_retry_interval) * 1000 : 100;
    this.#lossPause = new Backoff({
      first,
      most: Math.max(first, most),
      factor: db_inc_retry_interval ? 2 : 1,
      spread: 100,
    });
  }

  /**
   * Milliseconds to wait before the transaction may run again; undefined when it may not. `holdOff` is how long the server
   * is left alone anyway. Where the answer to a commit was lost nothing is tried: it may have happened.
   */
  waitAfter(error: unknown, holdOff: number): number | undefined {
    if (!(error instanceof ServerError)) return undefined;
    const { conflict, duplicate, unknownOutcome } = error.remedy;
    if (conflict) return this.#isLeft(this.#conflicts++) ? this.#conflictPause.next() : undefined;
    if (duplicate) return this.#duplicates++ < duplicatesAtMost ? 0 : undefined;
    if (error.kind !== 'away' || unknownOutcome) return undefined;
    const wait = Math.max(holdOff, this.#lossPause.next());
    if (this.#options.use_db_reconnect) return this.#isLeft(this.#losses++) ? wait : undefined;
    return performance.now() + wait - this.#start < reconnectFor ? wait : undefined;
  }

  #isLeft(made: number): boolean {
    return this.#options.db_max_retries < 0 || made < this.#options.db_max_retries;
  }
}
