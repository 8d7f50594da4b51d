import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine, Work } from './access.ts';
import type { Connection, Query, ServerKind } from './connection.ts';
import { DeadPeerWatch } from './dead-peer.ts';
import type { DatabaseOptions } from './options.ts';
import { Pool } from './pool.ts';
import { ServerError } from './server-error.ts';
import { Session } from './session.ts';
import { Tries } from './tries.ts';

/** The engine on a database server that answers: a pool of connections, and what is tried again. */
export async function openServer(kind: ServerKind, options: DatabaseOptions, signal?: AbortSignal): Promise<Engine> {
  const { max_pool_size, max_overflow, pool_timeout, connection_recycle_time } = options;
  const pool = new Pool({
    connect: (abort) => kind.connect(abort),
    connectWithin: 5_000,
    most: max_pool_size <= 0 || max_overflow < 0 ? Number.POSITIVE_INFINITY : max_pool_size + max_overflow,
    patience: (pool_timeout ?? 30) * 1000,
    lifetime: connection_recycle_time < 0 ? Number.POSITIVE_INFINITY : connection_recycle_time * 1000,
    linger: 2_000,
  });
  const transactions = new Transactions(kind, pool, options);
  try {
    pool.release(await pool.acquire(signal));
  } catch (error) {
    await transactions.close();
    throw error;
  }
  return {
    read: (work) => transactions.run(kind.beginReading, work),
    write: (work) => transactions.run(kind.beginWriting, work),
    serverVersion: (db) => kind.serverVersion(db),
    tables: (db) => kind.tables(db),
    close: () => transactions.close(),
  };
}

class Transactions {
  readonly #kind: ServerKind;
  readonly #pool: Pool;
  readonly #options: DatabaseOptions;
  readonly #watch: DeadPeerWatch;
  readonly #closing = new AbortController();

  constructor(kind: ServerKind, pool: Pool, options: DatabaseOptions) {
    this.#kind = kind;
    this.#pool = pool;
    this.#options = options;
    this.#watch = new DeadPeerWatch(kind, () => {
      pool.suspend(new ServerError('away', `database ${kind.name} does not answer`, {}));
    });
  }

  /** Runs `work` in a transaction, and again where that is safe and may help. */
  async run<T>(begin: string, work: Work<T>): Promise<T> {
    const tries = new Tries(this.#options);
    for (;;) {
      try {
        return await this.#once(begin, work);
      } catch (error) {
        const wait = this.#closing.signal.aborted ? undefined : tries.waitAfter(error, this.#pool.holdOff);
        if (wait === undefined) throw error;
        await sleep(wait, undefined, { signal: this.#closing.signal }).catch(() => {});
      }
    }
  }

  /** Lets what is under way come to its end, without further tries. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#pool.close();
  }

  async #once<T>(begin: string, work: Work<T>): Promise<T> {
    const connection = await this.#begun(begin);
    const execute = (query: Query) => this.#watch.wait(connection.execute<never>(query), connection);
    const session = new Session({ execute }, this.#kind.dialect);
    try {
      const value = await work(session.db);
      session.end();
      if (session.failure !== undefined) throw session.failure;
      await this.#commit(connection);
      return value;
    } catch (error) {
      session.end();
      if (error instanceof ServerError && error.remedy.moved) {
        connection.destroy();
        this.#pool.dropIdle();
      }
      await this.#rollback(connection);
      throw error;
    } finally {
      this.#pool.release(connection);
    }
  }

  /** A connection with a transaction begun. One that was lost while it lay idle shows here, and costs nothing. */
  async #begun(begin: string): Promise<Connection> {
    for (let left = 1; ; left--) {
      const connection = await this.#pool.acquire();
      try {
        await this.#watch.wait(connection.execute({ sql: begin, parameters: [] }), connection);
        return connection;
      } catch (error) {
        connection.destroy();
        this.#pool.release(connection);
        if (left === 0 || !(error instanceof ServerError) || !error.remedy.lost) throw error;
        this.#pool.dropIdle();
      }
    }
  }

  async #commit(connection: Connection): Promise<void> {
    try {
      await this.#watch.wait(connection.execute({ sql: 'commit', parameters: [] }), connection);
    } catch (error) {
      if (!(error instanceof ServerError) || !error.remedy.lost) throw error;
      const text = `${error.message}; whether the last write was committed is not known`;
      throw new ServerError('away', text, { ...error.remedy, unknownOutcome: true }, error);
    }
  }

  async #rollback(connection: Connection): Promise<void> {
    if (!connection.isAlive) return;
    try {
      await this.#watch.wait(connection.execute({ sql: 'rollback', parameters: [] }), connection);
    } catch {
      connection.destroy();
    }
  }
}
