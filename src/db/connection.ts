import type { CompiledQuery, Kysely, QueryResult } from 'kysely';
import type { Dialect } from './dialect.ts';
import type { Schema } from './schema.ts';

export type Query = Pick<CompiledQuery, 'sql' | 'parameters'>;

/** One connection to a database server, logged in, with the settings of a session made. */
export interface Connection {
  /** Runs a statement. Rejects with a ServerError; after one that says `lost` the connection is of no more use. */
  execute<R>(query: Query): Promise<QueryResult<R>>;
  /** False when the connection has been lost, also while nobody used it. */
  readonly isAlive: boolean;
  /** What the server knows the connection by. */
  readonly id: number;
  /** Says good-bye, without waiting for an answer. */
  close(): void;
  /** Drops the connection where it stands; what runs on it rejects. */
  destroy(): void;
}

/** A kind of database server. */
export interface ServerKind {
  /** The URL without its password, for errors. */
  readonly name: string;
  readonly dialect: Dialect;
  /** Begins a transaction that only reads and sees one state of the database. */
  readonly beginReading: string;
  /** Begins one that writes. */
  readonly beginWriting: string;
  /** Connects, logs in and makes the settings of a session. Rejects with a ServerError, also when `signal` aborts. */
  connect(signal: AbortSignal): Promise<Connection>;
  /** Whether the server is at work for the connection `id`, asked on another one. */
  isAtWork(on: Connection, id: number): Promise<boolean>;
  serverVersion(db: Kysely<Schema>): Promise<string>;
  /** The tables of the database with their columns. */
  tables(db: Kysely<Schema>): Promise<ReadonlyMap<string, ReadonlySet<string>>>;
}
