import { AsyncResource } from 'node:async_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { SqliteAdapter, SqliteQueryCompiler } from 'kysely';
import { Backoff } from '../base/retry.ts';
import { DatabaseError } from '../interface/database.ts';
import type { Access, Work } from './access.ts';
import type { Dialect } from './dialect.ts';
import { Session } from './session.ts';
import type { SqliteFile } from './sqlite.ts';
import { isBusy } from './sqlite-errors.ts';

interface Job {
  readonly work: Work<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** What the work logs bears the request id of whoever asked, not of whom the batch began with. */
  readonly asker: AsyncResource;
  /** Until when a locked file is tried again, on the clock of `performance.now()`. */
  readonly deadline: number;
}

/** What became of a job inside its batch. It is told when the batch is on the disk, not before. */
type Outcome = { readonly value: unknown } | { readonly error: unknown };

interface Limits {
  /** The longest, in milliseconds, that a piece of work may wait for something else than the database. */
  readonly idleLimit?: number;
  /** Once it aborts nobody waits for a locked file. */
  readonly hurry?: AbortSignal | undefined;
}

const dialect: Dialect = { adapter: new SqliteAdapter(), compiler: new SqliteQueryCompiler() };

/** A batch is closed at this size, or after so many milliseconds: other processes want to write as well. */
const batchSize = 100;
const batchTime = 10;

/**
 * Gives the one connection of a process to one piece of work after the other.
 *
 * A commit waits for the disk, so writers that are ready at the same time share one: each runs alone between a savepoint
 * and its release, and is undone alone when it fails; then all are committed at once, and only then hears anyone what
 * became of him. If that commit fails, it failed for all. Readers see committed states only.
 *
 * While another process has the file, tries are spread over `patience` milliseconds and the event loop turns; they become
 * rarer, since a hundred processes that try every millisecond keep the one that has the file from ending. Work that uses
 * its own statements only never meets the `idleLimit`.
 */
export class GroupCommit implements Access {
  readonly #file: SqliteFile;
  readonly #patience: number;
  readonly #idleLimit: number;
  readonly #hurry: AbortSignal | undefined;
  readonly #reads: Job[] = [];
  readonly #writes: Job[] = [];
  readonly #pause = new Backoff({ first: 0.5, most: 50, factor: 1.5, spread: 2 });
  #politeUntil = 0;
  #serving: Promise<void> | undefined;
  #wake = (): void => {};
  #closed = false;

  constructor(file: SqliteFile, patience: number, { idleLimit = 5_000, hurry }: Limits = {}) {
    this.#file = file;
    this.#patience = patience;
    this.#idleLimit = idleLimit;
    this.#hurry = hurry;
  }

  read<T>(work: Work<T>): Promise<T> {
    return this.#enqueue(this.#reads, work);
  }

  write<T>(work: Work<T>): Promise<T> {
    return this.#enqueue(this.#writes, work);
  }

  /** Finishes what was asked for and closes the file. What is asked for later is refused. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#serving;
    this.#file.close();
  }

  #enqueue<T>(queue: Job[], work: Work<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new DatabaseError('away', `database ${this.#file.path} was closed`));
    return new Promise((resolve, reject) => {
      const deadline = performance.now() + this.#patience;
      queue.push({ work, resolve: resolve as Job['resolve'], reject, asker: new AsyncResource('database'), deadline });
      if (queue === this.#reads) this.#wake();
      this.#serving ??= this.#serve();
    });
  }

  async #serve(): Promise<void> {
    while (this.#reads.length > 0 || this.#writes.length > 0) {
      const busy = await this.#readAll();
      if (this.#writes.length > 0) {
        // Whatever else becomes ready in this turn of the event loop comes into the same batch.
        await nextTurn();
        if (this.#begin()) {
          await this.#writeBatch();
          if (performance.now() < this.#politeUntil) await this.#nap(1);
        } else if (this.#writes.length > 0) {
          await this.#nap(this.#pause.next());
        }
      } else if (busy) {
        await this.#nap(this.#pause.next());
      }
    }
    this.#serving = undefined;
  }

  /** Serves the readers of this moment. True when some found the file busy and wait for another try. */
  async #readAll(): Promise<boolean> {
    let busy = false;
    for (const job of this.#reads.splice(0)) {
      const outcome = await this.#readOne(job);
      if ('error' in outcome && isBusy(outcome.error) && this.#mayWait(job)) {
        this.#reads.push(job);
        busy = true;
      } else {
        settle(job, outcome);
      }
    }
    return busy;
  }

  async #readOne(job: Job): Promise<Outcome> {
    try {
      this.#file.begin('deferred');
    } catch (error) {
      return { error };
    }
    const outcome = await this.#perform(job);
    this.#rollback();
    return outcome;
  }

  /** False when the file is not to be had now. Who has waited for it long enough is told, with the reason. */
  #begin(): boolean {
    try {
      this.#file.begin('immediate');
      this.#pause.reset();
      if (this.#file.othersWrote()) this.#politeUntil = performance.now() + 1000;
      return true;
    } catch (error) {
      this.#rollback();
      for (const job of this.#writes.splice(0)) {
        if (isBusy(error) && this.#mayWait(job)) this.#writes.push(job);
        else job.reject(error);
      }
      return false;
    }
  }

  #mayWait({ deadline }: Job): boolean {
    return this.#hurry?.aborted !== true && performance.now() < deadline;
  }

  async #writeBatch(): Promise<void> {
    const batch: (readonly [Job, Outcome])[] = [];
    const until = performance.now() + batchTime;
    do {
      const job = this.#writes.shift();
      if (job === undefined) break;
      batch.push([job, await this.#attempt(job)]);
    } while (this.#file.inTransaction && batch.length < batchSize && performance.now() < until);
    const failure = this.#commit(batch.at(-1)?.[1]);
    for (const [job, outcome] of batch) settle(job, failure ?? outcome);
  }

  /** Runs a writer so that a failure undoes what it wrote and nothing else. */
  async #attempt(job: Job): Promise<Outcome> {
    try {
      this.#file.exec('savepoint job');
      const outcome = await this.#perform(job);
      if (this.#file.inTransaction) {
        if ('error' in outcome) this.#file.exec('rollback to job');
        this.#file.exec('release job');
      }
      return outcome;
    } catch (error) {
      this.#rollback();
      return { error };
    }
  }

  /** What failed for all of a batch: the commit, or the last writer, with which SQLite gave up everything. */
  #commit(last: Outcome | undefined): Outcome | undefined {
    try {
      if (!this.#file.inTransaction && last !== undefined && 'error' in last) return last;
      this.#file.exec('commit');
      return undefined;
    } catch (error) {
      this.#rollback();
      return { error };
    }
  }

  async #perform({ work, asker }: Job): Promise<Outcome> {
    const session = new Session(this.#file, dialect);
    try {
      const value = await within(this.#idleLimit, asker.runInAsyncScope(work, undefined, session.db));
      return session.failure === undefined ? { value } : { error: session.failure };
    } catch (error) {
      return { error };
    } finally {
      session.end();
    }
  }

  /** Ends what may be open: a reader's view, or a batch that could not be committed. */
  #rollback(): void {
    try {
      if (this.#file.inTransaction) this.#file.exec('rollback');
    } catch {
      this.#file.close(); // It is opened again before the next work begins.
    }
  }

  #nap(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function settle({ resolve, reject }: Job, outcome: Outcome): void {
  if ('error' in outcome) reject(outcome.error);
  else resolve(outcome.value);
}

async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const seconds = milliseconds / 1000;
      reject(
        new DatabaseError('refused', `a transaction waited ${seconds} s for something else than its own statements`),
      );
    }, milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
