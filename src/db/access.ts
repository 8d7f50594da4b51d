import type { Kysely } from 'kysely';
import type { Schema } from './schema.ts';

/** Statements that belong together. They use `db` and await nothing but it. */
export type Work<T> = (db: Kysely<Schema>) => Promise<T>;

/** How a table reaches the database, inside a transaction and outside. */
export interface Access {
  /** Runs statements that only read. They all see one state of the database, a committed one outside a transaction. */
  read<T>(work: Work<T>): Promise<T>;
  /**
   * Runs statements that write: all of them count or none. Outside a transaction they are durable when the promise
   * resolves, and `work` may run again when the database asks for it.
   */
  write<T>(work: Work<T>): Promise<T>;
}

/** A kind of database, opened: what `db/sqlite.ts` and its like return. */
export interface Engine extends Access {
  /** Name and version of the server, for `db check`. */
  serverVersion(db: Kysely<Schema>): Promise<string>;
  /** Names of the tables that are there. */
  tableNames(db: Kysely<Schema>): Promise<readonly string[]>;
  /** The statements that make the whole schema. */
  createStatements(): Iterable<string>;
  /** Finishes what was asked for, then lets go of the database. May be called twice. */
  close(): Promise<void>;
}
