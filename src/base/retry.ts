import { setTimeout as sleep } from 'node:timers/promises';

/** How waits grow: from `first` by `factor` to `most` milliseconds, each with up to `spread` milliseconds more. */
export interface BackoffPlan {
  readonly first: number;
  readonly most: number;
  readonly factor?: number;
  readonly spread?: number;
}

/** The growing wait between tries of one thing. */
export class Backoff {
  readonly #plan: BackoffPlan;
  #next: number;

  constructor(plan: BackoffPlan) {
    this.#plan = plan;
    this.#next = plan.first;
  }

  /** Milliseconds to wait now; the following wait is longer. */
  next(): number {
    const wait = this.#next;
    this.#next = Math.min(this.#plan.most, wait * (this.#plan.factor ?? 2));
    return wait + Math.random() * (this.#plan.spread ?? 0);
  }

  /** The thing worked: the next wait is the first again. */
  reset(): void {
    this.#next = this.#plan.first;
  }

  /** Waits for `next()`; rejects with an AbortError as soon as `signal` aborts. */
  async wait(signal?: AbortSignal): Promise<void> {
    await sleep(this.next(), undefined, signal === undefined ? {} : { signal });
  }
}
