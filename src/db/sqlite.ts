import { closeSync, openSync, statfsSync, statSync } from 'node:fs';
import { DatabaseSync, type DatabaseSyncInstance, type StatementSyncInstance } from '@photostructure/sqlite';
import type { CompiledQuery, QueryResult } from 'kysely';
import { parseUtcTime, type UtcTime } from '../base/time.ts';
import { DatabaseError } from '../interface/database.ts';
import { isBroken, translated } from './sqlite-errors.ts';

type Decode = (row: Record<string, unknown>) => void;

interface Prepared {
  readonly statement: StatementSyncInstance;
  readonly reads: boolean;
  readonly decode: Decode;
}

/** How many statements stay prepared. The lists of an `IN (…)` make new ones all the time. */
const preparedAtMost = 200;

/** File systems over a network, by the number that statfs gives: SQLite's locks and shared memory fail on them. */
const networks: Readonly<Record<number, string>> = {
  26985: 'NFS',
  20859: 'SMB',
  4283649346: 'CIFS',
  4266872130: 'SMB',
};

/**
 * One connection to an SQLite file, or to a database in memory. Every call is synchronous and never waits: a locked file
 * throws at once. Errors are DatabaseErrors. A file that is moved, replaced or in trouble is opened anew at the next
 * `begin`, so that what an operator repairs needs no restart.
 */
export class SqliteFile {
  readonly path: string;
  #database: DatabaseSyncInstance | undefined;
  #identity: string | undefined;
  readonly #prepared = new Map<string, Prepared>();

  /** Opens the file. With `create` a missing one is made, readable by its owner only, since it holds CHAP secrets. */
  constructor(path: string, create: boolean) {
    this.path = path;
    if (create && path !== ':memory:') createFile(path);
    this.#open();
  }

  /** True while a transaction is open. SQLite ends one by itself where it cannot go on, such as on a full disk. */
  get inTransaction(): boolean {
    return this.#database?.isTransaction ?? false;
  }

  /** Starts a transaction: `deferred` reads, `immediate` has the file for itself. */
  begin(kind: 'deferred' | 'immediate'): void {
    if (this.#database !== undefined && this.#identity !== this.#present()) this.close();
    if (this.#database === undefined) this.#open();
    this.exec(`begin ${kind}`);
  }

  /** A statement without values, such as `commit`. */
  exec(sql: string): void {
    this.execute({ sql, parameters: [] });
  }

  /** Runs a statement of kysely's. Booleans and times come out as such. */
  execute<R>({ sql, parameters }: Pick<CompiledQuery, 'sql' | 'parameters'>): QueryResult<R> {
    try {
      const { statement, reads, decode } = this.#prepare(sql);
      const values = parameters.map((value) => (typeof value === 'boolean' ? Number(value) : value));
      if (reads) {
        const rows = statement.all(...values) as Record<string, unknown>[];
        rows.forEach(decode);
        return { rows: rows as R[] };
      }
      return { rows: [], numAffectedRows: BigInt(statement.run(...values).changes) };
    } catch (error) {
      if (isBroken(error)) this.close();
      throw translated(error, this.path);
    }
  }

  close(): void {
    this.#prepared.clear();
    this.#database?.close();
    this.#database = undefined;
  }

  #open(): void {
    try {
      this.#identity = this.#present();
      if (this.path !== ':memory:') refuseNetwork(this.path);
      this.#database = new DatabaseSync(this.path, { timeout: 0, enableForeignKeyConstraints: true });
      this.#database.exec('pragma synchronous = full; pragma journal_size_limit = 16777216');
      if (this.path !== ':memory:') useWal(this.#database, this.path);
    } catch (error) {
      this.close();
      throw translated(error, this.path);
    }
  }

  /** Which file bears the name now. SQLite itself would go on writing to one that was deleted, and lose all of it. */
  #present(): string | undefined {
    if (this.path === ':memory:') return undefined;
    const stat = statSync(this.path, { throwIfNoEntry: false });
    if (stat === undefined) {
      this.close();
      throw new DatabaseError('away', `database ${this.path} does not exist; 'volume-daemon db sync' makes a new one`);
    }
    return `${stat.dev} ${stat.ino}`;
  }

  #prepare(sql: string): Prepared {
    const known = this.#prepared.get(sql);
    if (known !== undefined) {
      this.#prepared.delete(sql);
      this.#prepared.set(sql, known);
      return known;
    }
    if (this.#database === undefined) throw new DatabaseError('away', `database ${this.path} is closed`);
    const statement = this.#database.prepare(sql);
    const columns = statement.columns();
    const prepared = { statement, reads: columns.length > 0, decode: decoder(columns) };
    this.#prepared.set(sql, prepared);
    const [oldest] = this.#prepared.keys();
    if (this.#prepared.size > preparedAtMost && oldest !== undefined) this.#prepared.delete(oldest);
    return prepared;
  }
}

/** Turns what SQLite keeps for booleans and times, 0 and 1 and text, into what the rest of this room knows. */
function decoder(columns: readonly { name: string; type: string | null }[]): Decode {
  const booleans = columns.filter(({ type }) => type === 'BOOLEAN').map(({ name }) => name);
  const times = columns.filter(({ type }) => type === 'DATETIME').map(({ name }) => name);
  return (row) => {
    for (const name of booleans) if (row[name] !== null) row[name] = row[name] !== 0;
    for (const name of times) if (row[name] !== null) row[name] = readTime(name, row[name]);
  };
}

function readTime(column: string, value: unknown): UtcTime {
  const moment = typeof value === 'string' ? parseUtcTime(value) : undefined;
  if (moment === undefined)
    throw new DatabaseError('refused', `column ${column} holds ${JSON.stringify(value)}, which is no time`);
  return moment;
}

/** Only whoever makes the file opens and closes it here: closing a file drops the locks that this process has on it. */
function createFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    throw new DatabaseError(
      code === 'ENOSPC' ? 'full' : 'away',
      `database ${path} cannot be made: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
}

function refuseNetwork(path: string): void {
  const network = networks[statfsSync(path).type];
  if (network === undefined) return;
  throw new DatabaseError(
    'refused',
    `database ${path} is on ${network}, where SQLite cannot keep processes apart; ` +
      `put it on a local file system and set [database] connection accordingly`,
  );
}

/** Readers and a writer of several processes get along in this mode only. It stays in the file, which Cinder can read as before. */
function useWal(database: DatabaseSyncInstance, path: string): void {
  const { journal_mode } = database.prepare('pragma journal_mode = wal').get() as { journal_mode: unknown };
  if (journal_mode === 'wal') return;
  throw new DatabaseError(
    'refused',
    `database ${path} is on a file system without shared memory, which SQLite's WAL mode needs; put it on a local one`,
  );
}
