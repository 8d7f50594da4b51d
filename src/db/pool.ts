import { Backoff } from '../base/retry.ts';
import { within } from '../base/time-limit.ts';
import { DatabaseError } from '../interface/database.ts';
import type { Connection } from './connection.ts';
import { ServerError } from './server-error.ts';

export interface PoolSettings {
  /** Opens a connection; gives up when `signal` aborts. */
  readonly connect: (signal: AbortSignal) => Promise<Connection>;
  /** Milliseconds that it has for that. */
  readonly connectWithin: number;
  /** Connections at most; Infinity where there is no limit. */
  readonly most: number;
  /** Milliseconds to wait for one while all are busy. */
  readonly patience: number;
  /** Milliseconds after which an idle connection is replaced; Infinity for never. */
  readonly lifetime: number;
  /** Milliseconds for which more than one idle connection is kept. */
  readonly linger: number;
}

interface Waiter {
  readonly resolve: (connection: Connection) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The connections of a process to one server. One is kept while nobody needs any; more are opened, one at a time, only while
 * all others are busy (O-24). After a failure to connect the next tries come at random times, so that a server that
 * starts again is not met by everybody at once.
 */
export class Pool {
  readonly #settings: PoolSettings;
  readonly #idle: Connection[] = [];
  readonly #waiting: Waiter[] = [];
  readonly #born = new Map<Connection, number>();
  readonly #pause = new Backoff({ first: 50, most: 1000, factor: 3, spread: 250 });
  #opening = false;
  #failures = 0;
  #lastFailure: unknown;
  #notBefore = 0;
  #lingering: NodeJS.Timeout | undefined;
  #emptied: (() => void) | undefined;
  readonly #closing = new AbortController();

  constructor(settings: PoolSettings) {
    this.#settings = settings;
  }

  /** Milliseconds until the server is tried again; 0 when nothing speaks against it. */
  get holdOff(): number {
    return Math.max(0, this.#notBefore - performance.now());
  }

  /**
   * A connection, for one user at a time; `release` gives it back. Rejects with a DatabaseError when none is to be had in
   * time, at once while a server that did not answer is left alone; with the reason of `signal` when that aborts.
   */
  acquire(signal?: AbortSignal): Promise<Connection> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#isClosed) return Promise.reject(new DatabaseError('away', 'the database was closed'));
    const idle = this.#takeIdle();
    if (idle !== undefined) return Promise.resolve(idle);
    if (this.holdOff > 0 && this.#born.size === 0) return Promise.reject(this.#lastFailure);
    return this.#wait(signal);
  }

  /** Gives a connection back; a lost one is forgotten. */
  release(connection: Connection): void {
    if (!connection.isAlive || this.#isClosed) {
      this.#forget(connection);
      this.#serve();
      return;
    }
    const next = this.#waiting.shift();
    if (next !== undefined) next.resolve(connection);
    else {
      this.#idle.push(connection);
      this.#lingering ??= setTimeout(() => this.#thin(), this.#settings.linger);
    }
  }

  /** Leaves the server alone for a while: `reason` is what those hear who have no connection. */
  suspend(reason: unknown): void {
    this.#failures += 1;
    this.#lastFailure = reason;
    const wait = this.#failures > 3 ? 500 + Math.random() * 5000 : this.#pause.next();
    this.#notBefore = performance.now() + wait;
    if (this.#born.size > 0) setTimeout(() => this.#serve(), wait).unref();
    this.#giveUp();
  }

  /** Drops what is idle: it leads to the wrong server. */
  dropIdle(): void {
    for (const connection of this.#idle.splice(0)) this.#forget(connection);
  }

  /** Waits for the users to be done, and closes all. Nobody gets a connection any more. */
  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#lingering);
    for (const { reject } of this.#waiting.splice(0)) reject(new DatabaseError('away', 'the database was closed'));
    this.dropIdle();
    if (this.#born.size > 0 || this.#opening) {
      await new Promise<void>((resolve) => {
        this.#emptied = resolve;
      });
    }
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  #takeIdle(): Connection | undefined {
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      const age = performance.now() - (this.#born.get(connection) ?? 0);
      if (connection.isAlive && age < this.#settings.lifetime) return connection;
      this.#forget(connection);
    }
    return undefined;
  }

  #wait(signal?: AbortSignal): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const leave = (error: unknown): void => {
        const place = this.#waiting.indexOf(waiter);
        if (place >= 0) this.#waiting.splice(place, 1);
        waiter.reject(error);
      };
      const timer = setTimeout(() => leave(this.#allBusy()), this.#settings.patience);
      const abort = (): void => leave(signal?.reason);
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
      };
      const waiter: Waiter = {
        resolve: (connection) => {
          done();
          resolve(connection);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiting.push(waiter);
      this.#serve();
    });
  }

  /** Opens a connection for who waits, if one may be opened. */
  #serve(): void {
    if (this.#waiting.length === 0 || this.#opening || this.#isClosed || this.holdOff > 0) return;
    if (this.#born.size >= this.#settings.most) return;
    this.#opening = true;
    void this.#open().finally(() => {
      this.#opening = false;
      this.#serve();
      this.#tellEmptied();
    });
  }

  async #open(): Promise<void> {
    try {
      const { connect, connectWithin } = this.#settings;
      const connection = await connect(within(this.#closing.signal, connectWithin));
      this.#born.set(connection, performance.now());
      this.#failures = 0;
      this.#pause.reset();
      this.release(connection);
    } catch (error) {
      this.suspend(error);
    }
  }

  /** Nobody has a connection that those who wait could get. */
  #giveUp(): void {
    if (this.#born.size > 0 || this.holdOff === 0) return;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#lastFailure);
  }

  #thin(): void {
    this.#lingering = undefined;
    for (const connection of this.#idle.splice(0, Math.max(0, this.#idle.length - 1))) this.#forget(connection);
  }

  #forget(connection: Connection): void {
    this.#born.delete(connection);
    connection.close();
    this.#giveUp();
    this.#tellEmptied();
  }

  #tellEmptied(): void {
    if (this.#isClosed && this.#born.size === 0 && !this.#opening) this.#emptied?.();
  }

  #allBusy(): unknown {
    if (this.#lastFailure instanceof ServerError && this.#failures > 0) return this.#lastFailure;
    const seconds = this.#settings.patience / 1000;
    return new DatabaseError('away', `all ${this.#born.size} connections to the database are busy for ${seconds} s`);
  }
}
