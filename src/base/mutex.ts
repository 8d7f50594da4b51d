import { abortable } from './abortable.ts';

/**
 * Mutual exclusion by key inside one process. Holders of one key take turns in the order in which they asked; other
 * keys do not wait. Exclusion that other processes see is `interface/coordinator.ts`.
 */
export class KeyedMutex {
  readonly #tails = new Map<string, Promise<void>>();

  /** Runs `body` alone under `key`. An abort while waiting gives up the place; once `body` runs, stopping is its affair. */
  async withLock<T>(key: string, body: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const { promise: done, resolve: release } = deferred();
    const tail = before.then(() => done);
    this.#tails.set(key, tail);
    try {
      await abortable(before, signal);
      return await body();
    } finally {
      release();
      void tail.then(() => {
        if (this.#tails.get(key) === tail) this.#tails.delete(key);
      });
    }
  }

  /** How many keys somebody holds or waits for. */
  get size(): number {
    return this.#tails.size;
  }
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
