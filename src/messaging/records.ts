import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { Backoff } from '../base/retry.ts';
import { DatabaseError } from '../interface/database.ts';
import type { RpcOperation, RpcRequest } from '../interface/rpc.ts';

/** An outage of the database that lasts this long gives the queues back to the broker. */
const patience = 30_000;

/** Tries of a record that the database refuses. */
const mostRefusals = 3;

export interface RecordEvents {
  /** The database is away for long: nothing more should be held for it. */
  away(): void;
  /** It answers again. */
  back(): void;
}

/** Gets requests recorded, through outages of the database. */
export class Records {
  readonly #ping: () => Promise<unknown>;
  readonly #events: RecordEvents;
  readonly #logger: Logger;
  readonly #patience: number;
  #away: { readonly since: number; readonly late: NodeJS.Timeout } | undefined;
  readonly #stop = new AbortController();

  /** `ping` resolves when the database answers. */
  constructor(ping: () => Promise<unknown>, events: RecordEvents, logger: Logger, patienceMs: number = patience) {
    this.#ping = ping;
    this.#events = events;
    this.#logger = logger;
    this.#patience = patienceMs;
  }

  /** Whether the database is away, as far as anybody tried. */
  get isAway(): boolean {
    return this.#away !== undefined;
  }

  /**
   * Resolves as `request.record` does, which is asked again while the database is away. Rejects when `signal` aborts, when
   * the database refuses it three times, and with any other failure of the request.
   */
  async take(request: RpcRequest, signal: AbortSignal): Promise<RpcOperation | undefined> {
    const backoff = new Backoff({ first: 200, most: 5000, spread: 100 });
    for (let refusals = 0; ; ) {
      try {
        const operation = await request.record(signal);
        this.#answered();
        return operation;
      } catch (error) {
        if (!(error instanceof DatabaseError)) throw error;
        if (error.kind === 'refused') refusals += 1;
        else this.#failed(error);
        if (refusals >= mostRefusals) throw error;
        await backoff.wait(signal);
      }
    }
  }

  close(): void {
    this.#stop.abort();
    clearTimeout(this.#away?.late);
  }

  #failed(error: DatabaseError): void {
    if (this.#away !== undefined || this.#stop.signal.aborted) return;
    this.#logger.warning('The database does not answer, requests wait for it: %s', messageOf(error));
    this.#away = { since: performance.now(), late: setTimeout(() => void this.#outlast(), this.#patience) };
  }

  #answered(): void {
    if (this.#away === undefined) return;
    clearTimeout(this.#away.late);
    const seconds = Math.round((performance.now() - this.#away.since) / 1000);
    this.#away = undefined;
    this.#logger.info('The database answers again after %d s', seconds);
    this.#events.back();
  }

  /** Nobody asks for records any more: whether the database is back must be found out. */
  async #outlast(): Promise<void> {
    this.#logger.warning('The database is away for long: the queues are given back to the broker until it answers');
    this.#events.away();
    const backoff = new Backoff({ first: 1000, most: 5000, spread: 500 });
    const { signal } = this.#stop;
    while (this.#away !== undefined && !signal.aborted) {
      try {
        await this.#ping();
        this.#answered();
      } catch {
        // Away still. The heartbeat tells of it in the log.
        await sleep(backoff.next(), undefined, { signal }).catch(() => {});
      }
    }
  }
}
