import { type CompiledQuery, type DatabaseConnection, type Driver, Kysely, type QueryResult } from 'kysely';
import type { Dialect } from './dialect.ts';
import type { Schema } from './schema.ts';

/** A connection, as far as a session needs it. */
interface Executes {
  execute<R>(query: Pick<CompiledQuery, 'sql' | 'parameters'>): QueryResult<R> | Promise<QueryResult<R>>;
}

/**
 * kysely on a connection for as long as one piece of work lasts. A statement that comes after its end fails, so that a
 * promise that nobody waited for cannot write into the transaction of somebody else.
 */
export class Session {
  readonly db: Kysely<Schema>;
  #connection: Executes | undefined;
  #failure: unknown;

  constructor(connection: Executes, { adapter, compiler }: Dialect) {
    this.#connection = connection;
    const own: DatabaseConnection = {
      executeQuery: (query) => this.#execute(query),
      streamQuery: () => {
        throw new Error('rows are read in pages here, not streamed');
      },
    };
    this.db = new Kysely<Schema>({
      dialect: {
        createDriver: () => driverOf(own),
        createQueryCompiler: () => compiler,
        createAdapter: () => adapter,
        createIntrospector: () => {
          throw new Error('what tables there are is asked of the engine');
        },
      },
    });
  }

  /** The first error of a statement, also where the work has caught it: such a transaction cannot count any more. */
  get failure(): unknown {
    return this.#failure;
  }

  end(): void {
    this.#connection = undefined;
  }

  async #execute<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#connection === undefined) throw new Error('a statement came after the end of its transaction');
    try {
      return await this.#connection.execute<R>(query);
    } catch (error) {
      this.#failure ??= error;
      throw error;
    }
  }
}

/** Transactions are begun and ended by the engine; kysely only sends statements. */
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
