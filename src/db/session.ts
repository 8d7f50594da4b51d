import {
  type DatabaseConnection,
  type Driver,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import type { Schema } from './schema.ts';
import type { SqliteFile } from './sqlite.ts';

const adapter = new SqliteAdapter();
const compiler = new SqliteQueryCompiler();

/**
 * kysely on a connection for as long as one piece of work lasts. A statement that comes after its end fails, so that a
 * promise that nobody waited for cannot write into the transaction of somebody else.
 */
export class Session {
  readonly db: Kysely<Schema>;
  #file: SqliteFile | undefined;
  #failure: unknown;

  constructor(file: SqliteFile) {
    this.#file = file;
    const connection: DatabaseConnection = {
      executeQuery: async (query) => this.#execute((open) => open.execute(query)),
      streamQuery: () => {
        throw new Error('rows are read in pages here, not streamed');
      },
    };
    this.db = new Kysely<Schema>({
      dialect: {
        createDriver: () => driverOf(connection),
        createQueryCompiler: () => compiler,
        createAdapter: () => adapter,
        createIntrospector: (db) => new SqliteIntrospector(db),
      },
    });
  }

  /** The first error of a statement, also where the work has caught it: such a transaction cannot count any more. */
  get failure(): unknown {
    return this.#failure;
  }

  end(): void {
    this.#file = undefined;
  }

  #execute<R>(statement: (file: SqliteFile) => R): R {
    if (this.#file === undefined) throw new Error('a statement came after the end of its transaction');
    try {
      return statement(this.#file);
    } catch (error) {
      this.#failure ??= error;
      throw error;
    }
  }
}

/** Transactions are begun and ended by `GroupCommit`; kysely only sends statements. */
function driverOf(connection: DatabaseConnection): Driver {
  const notOurs = async (): Promise<void> => {
    throw new Error('a transaction is opened with Database.transaction()');
  };
  return {
    init: async () => {},
    acquireConnection: async () => connection,
    releaseConnection: async () => {},
    beginTransaction: notOurs,
    commitTransaction: notOurs,
    rollbackTransaction: notOurs,
    destroy: async () => {},
  };
}
