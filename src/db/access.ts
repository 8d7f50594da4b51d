import type { Kysely } from 'kysely';
import type { DatabaseOptions } from './options.ts';
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
  /** Inside a transaction, one that may write: what it has read of a resource nobody else changes until it ends. */
  readonly isTransaction?: boolean;
}

/** A kind of database, opened: what `db/sqlite.ts` and its like return. */
export interface Engine extends Access {
  /** Name and version of the server, for `db check`. */
  serverVersion(db: Kysely<Schema>): Promise<string>;
  /** The tables that are there, each with the names of its columns. */
  tables(db: Kysely<Schema>): Promise<ReadonlyMap<string, ReadonlySet<string>>>;
  /** The statements that make the whole schema; absent where that is for cinder-manage to make (database.md §1.5). */
  createStatements?(): Iterable<string>;
  /** Finishes what was asked for, then lets go of the database. May be called twice. */
  close(): Promise<void>;
}

/** Rows of table and column names, as `Engine.tables` gives them. */
export function columnsByTable(
  rows: readonly { readonly name: string; readonly column: string }[],
): ReadonlyMap<string, ReadonlySet<string>> {
  const tables = new Map<string, Set<string>>();
  for (const { name, column } of rows) tables.set(name, (tables.get(name) ?? new Set()).add(column));
  return tables;
}

/** What opening an engine needs to know besides the URL. */
export interface EngineOpening {
  readonly options: DatabaseOptions;
  /** Makes a missing SQLite file. */
  readonly create: boolean;
  readonly signal?: AbortSignal;
  readonly lockPatience?: LockPatience;
}

/** How long a locked SQLite file is tried again where its URL does not say; once `signal` aborts, no longer. */
export interface LockPatience {
  readonly seconds: number;
  readonly signal: AbortSignal;
}
