import type { Socket } from 'node:net';
import type { QueryResult } from 'kysely';
import { DatabaseError } from '../interface/database.ts';
import type { Connection, Query } from './connection.ts';
import { ServerError } from './server-error.ts';

export interface ClientConnectionParts {
  readonly id: number;
  /** What the server is called in errors: the URL without its password. */
  readonly name: string;
  readonly socket: Socket;
  run(query: Query): Promise<QueryResult<unknown>>;
  /** Says good-bye on a connection that works. */
  leave(): void;
  /** The server's or client's error in our words. */
  translate(error: unknown): ServerError;
}

/** A client's connection, which can be dropped at any moment: what runs on it rejects, though the client would wait. */
export class ClientConnection implements Connection {
  readonly id: number;
  readonly #parts: ClientConnectionParts;
  readonly #pending = new Set<(error: ServerError) => void>();
  #isAlive = true;

  constructor(parts: ClientConnectionParts) {
    this.id = parts.id;
    this.#parts = parts;
    parts.socket.once('close', () => this.destroy());
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  execute<R>(query: Query): Promise<QueryResult<R>> {
    const { run, translate } = this.#parts;
    if (!this.#isAlive) return Promise.reject(this.#lost());
    return new Promise((resolve, reject) => {
      this.#pending.add(reject);
      run(query)
        .then((result) => resolve(result as QueryResult<R>))
        .catch((error: unknown) => {
          // What is a DatabaseError already is about a value that came, not about the connection.
          if (error instanceof DatabaseError) return reject(error);
          const translated = translate(error);
          if (translated.remedy.lost) this.destroy();
          reject(translated);
        })
        .finally(() => this.#pending.delete(reject));
    });
  }

  close(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.#parts.leave();
    // A server that does not close its side either is not waited for.
    setTimeout(() => this.#parts.socket.destroy(), 1000).unref();
  }

  destroy(): void {
    this.#isAlive = false;
    this.#parts.socket.destroy();
    for (const reject of this.#pending) reject(this.#lost());
    this.#pending.clear();
  }

  #lost(): ServerError {
    return new ServerError('away', `database ${this.#parts.name} has dropped the connection, or does not answer`, {
      lost: true,
    });
  }
}
