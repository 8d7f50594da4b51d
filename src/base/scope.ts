import { setMaxListeners } from 'node:events';
import { isAbort } from './errors.ts';

type Undo = () => unknown;

/**
 * Owns what a part of the program has under way: tasks that run, and what is to be undone when it ends.
 *
 * `spawn` starts a task and keeps its promise, `defer` remembers how to undo something, beside the line that did it.
 * `drain` waits for the tasks, `close` aborts them, waits, then undoes in reverse order. Both may be called twice.
 */
export class Scope {
  readonly #abort = new AbortController();
  readonly #tasks = new Set<Promise<void>>();
  readonly #undo: Undo[] = [];
  readonly #report: (error: unknown) => void;
  #closing: Promise<void> | undefined;

  /** `report` gets the error of a task that nobody awaits. Without one the error ends the process. */
  constructor(report: (error: unknown) => void = throwLater) {
    this.#report = report;
    // Every task listens to the one signal: many listeners are no leak here.
    setMaxListeners(0, this.signal);
  }

  /** Aborts when the scope stops waiting for its tasks. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Starts a task that lives no longer than the scope. Refused once the scope closes. */
  spawn(task: (signal: AbortSignal) => Promise<void>): void {
    if (this.#closing !== undefined) throw new Error('spawn() in a scope that is closed');
    const promise = task(this.signal)
      .catch((error: unknown) => {
        if (!(this.signal.aborted && isAbort(error))) this.#report(error);
      })
      .finally(() => this.#tasks.delete(promise));
    this.#tasks.add(promise);
  }

  /** Remembers how to undo what was just done. */
  defer(undo: Undo): void {
    this.#undo.push(undo);
  }

  /** Waits until every task has ended; after `ms` milliseconds their signal aborts, and the wait goes on. */
  async drain(ms?: number): Promise<void> {
    const deadline = ms === undefined ? undefined : setTimeout(() => this.#abort.abort(), ms);
    try {
      while (this.#tasks.size > 0) await Promise.all(this.#tasks);
    } finally {
      clearTimeout(deadline);
    }
  }

  /** Aborts the tasks, waits for them, and undoes in reverse order. Failures come together, after the last undo. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#abort.abort();
    await this.drain();
    const failures: unknown[] = [];
    for (const undo of this.#undo.splice(0).reverse()) {
      try {
        await undo();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, 'several things could not be closed');
  }
}

function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
