import { closeSync, openSync, statfsSync, statSync } from 'node:fs';
import { DatabaseSync, type DatabaseSyncInstance, type StatementSyncInstance } from '@photostructure/sqlite';
import type { CompiledQuery, QueryResult } from 'kysely';
import { messageOf } from '../base/errors.ts';
import { parseUtcTime, type UtcTime } from '../base/time.ts';
import { DatabaseError } from '../interface/database.ts';
import { isBroken, translated } from './sqlite-errors.ts';

interface Prepared {
  readonly statement: StatementSyncInstance;
  /** The columns of what it reads; none where it writes. */
  readonly columns: readonly ResultColumn[];
}

interface ResultColumn {
  readonly name: string;
  readonly read: (value: unknown, column: string) => unknown;
}

/** What SQLite calls a database that is no file. */
const memory = ':memory:';

/** How many statements stay prepared. The lists of an `IN (…)` make new ones all the time. */
const preparedAtMost = 200;

/** File systems over a network, by the number that statfs gives: SQLite's locks and shared memory fail on them. */
const networks: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
]);

/**
 * One connection to an SQLite file, or to a database in memory. Every call is synchronous and never waits: a locked file
 * throws at once. Errors are DatabaseErrors. After one that may have spoilt the connection the file is opened again by the
 * next `begin`, so that what an operator repairs needs no restart; another file under its name is never touched.
 */
export class SqliteFile {
  readonly path: string;
  readonly #identity: string | undefined;
  readonly #prepared = new Map<string, Prepared>();
  #database: DatabaseSyncInstance | undefined;
  #dataVersion: number | undefined;
  #isWal = false;

  /** Opens the file. With `create` a missing one is made, readable by its owner only, since it holds CHAP secrets. */
  constructor(path: string, create: boolean) {
    this.path = path;
    if (create && path !== memory) createFile(path);
    if (identityOf(path) !== undefined) refuseNetwork(path);
    this.#open();
    // Not before: in a container the first opening can make a copy of the file.
    this.#identity = identityOf(path);
  }

  /** True while a transaction is open. SQLite ends one by itself where it cannot go on, such as on a full disk. */
  get inTransaction(): boolean {
    return this.#database?.isTransaction ?? false;
  }

  /** Starts a transaction: `deferred` reads, `immediate` has the file for itself. */
  begin(kind: 'deferred' | 'immediate'): void {
    if (identityOf(this.path) !== this.#identity) {
      throw new DatabaseError('away', `database ${this.path} is another file now; restart the services that use it`);
    }
    if (this.#database === undefined) this.#open();
    if (kind === 'immediate') this.#useWal();
    this.exec(`begin ${kind}`);
  }

  /** A statement without values, such as `commit`. */
  exec(sql: string): void {
    this.execute({ sql, parameters: [] });
  }

  /** Runs a statement of kysely's. Booleans and times come out as such. */
  execute<R>({ sql, parameters }: Pick<CompiledQuery, 'sql' | 'parameters'>): QueryResult<R> {
    try {
      const { statement, columns } = this.#prepare(sql);
      const values = parameters.map((value) => (typeof value === 'boolean' ? Number(value) : value));
      if (columns.length > 0) {
        const rows = statement.all(...values) as unknown[][];
        return { rows: rows.map((row) => named(row, columns)) as R[] };
      }
      return { rows: [], numAffectedRows: BigInt(statement.run(...values).changes) };
    } catch (error) {
      if (isBroken(error)) this.#drop();
      throw translated(error, this.path);
    }
  }

  /** Whether another connection has written since this was last asked. */
  othersWrote(): boolean {
    const [row] = this.execute<{ data_version: number }>({ sql: 'pragma data_version', parameters: [] }).rows;
    const before = this.#dataVersion;
    this.#dataVersion = row?.data_version;
    return before !== undefined && before !== this.#dataVersion;
  }

  /** Lets go of the file, with everything in it where a copy of it alone is complete. May be called twice. */
  close(): void {
    try {
      if (this.#isWal && identityOf(this.path) === this.#identity) this.exec('pragma wal_checkpoint(truncate)');
    } catch {
      // What stays in the -wal file is read from there.
    }
    this.#drop();
  }

  /** The statements close when they are collected, and the file with the last of them: a transaction may not wait for that. */
  #drop(): void {
    const database = this.#database;
    this.#database = undefined;
    this.#prepared.clear();
    try {
      if (database?.isTransaction) database.exec('rollback');
    } catch {
      // Closing undoes it as well, if later.
    }
    database?.close();
  }

  #open(): void {
    try {
      this.#database = new DatabaseSync(this.path, { timeout: 0, enableForeignKeyConstraints: true });
      this.#database.exec('pragma synchronous = full; pragma journal_size_limit = 16777216');
      this.#isWal = false;
    } catch (error) {
      this.#drop();
      throw translated(error, this.path);
    }
  }

  /**
   * Readers and a writer of several processes get along in this mode only. It stays in the file, where Cinder takes it as it
   * is; so a file that is only looked at keeps the mode that it has.
   */
  #useWal(): void {
    if (this.#isWal || this.path === memory) return;
    const sql = 'pragma journal_mode = wal';
    const [row] = this.execute<{ journal_mode: string }>({ sql, parameters: [] }).rows;
    this.#isWal = row?.journal_mode === 'wal';
    if (this.#isWal) return;
    throw new DatabaseError(
      'refused',
      `database ${this.path} is on a file system without shared memory, which SQLite's WAL mode needs; put it on a local one`,
    );
  }

  #prepare(sql: string): Prepared {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    if (this.#database === undefined) throw new DatabaseError('away', `database ${this.path} is closed`);
    const statement = this.#database.prepare(sql);
    const columns = statement.columns().map(({ name, type }) => ({ name, read: readers[type ?? ''] ?? asItIs }));
    statement.setReturnArrays(columns.length > 0);
    const [oldest] = this.#prepared.keys();
    if (this.#prepared.size >= preparedAtMost && oldest !== undefined) this.#prepared.delete(oldest);
    const prepared = { statement, columns };
    this.#prepared.set(sql, prepared);
    return prepared;
  }
}

/** Arrays and an object made here take two thirds of the time of objects that come out of SQLite. */
function named(row: readonly unknown[], columns: readonly ResultColumn[]): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  columns.forEach(({ name, read }, place) => {
    object[name] = read(row[place], name);
  });
  return object;
}

/** What SQLite keeps for booleans and times, 0 and 1 and text, becomes what the rest of this room knows. */
const readers: Readonly<Record<string, ResultColumn['read']>> = { BOOLEAN: readBoolean, DATETIME: readTime };

function asItIs(value: unknown): unknown {
  return value;
}

function readBoolean(value: unknown): boolean | null {
  return value === null ? null : value !== 0;
}

const usualTime = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/;

function readTime(value: unknown, column: string): UtcTime | null {
  if (value === null) return null;
  if (typeof value === 'string' && usualTime.test(value)) return value.replace(' ', 'T') as UtcTime;
  const moment = typeof value === 'string' ? parseUtcTime(value) : undefined;
  if (moment !== undefined) return moment;
  throw new DatabaseError('refused', `column ${column} holds ${JSON.stringify(value)}, which is no time`);
}

/** Which file bears the name. SQLite itself would go on writing to one that was deleted, and lose all of it. */
function identityOf(path: string): string | undefined {
  if (path === memory) return undefined;
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat !== undefined) return `${stat.dev} ${stat.ino}`;
  } catch (error) {
    throw new DatabaseError('away', `database ${path} cannot be reached: ${messageOf(error)}`, { cause: error });
  }
  throw new DatabaseError('away', `database ${path} does not exist; 'volume-daemon db sync' makes a new one`);
}

/** Only whoever makes the file opens and closes it here: closing a file drops the locks that this process has on it. */
function createFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    const kind = code === 'ENOSPC' ? 'full' : 'away';
    throw new DatabaseError(kind, `database ${path} cannot be made: ${messageOf(error)}`, { cause: error });
  }
}

function refuseNetwork(path: string): void {
  const network = networks.get(statfsSync(path).type);
  if (network === undefined) return;
  throw new DatabaseError(
    'refused',
    `database ${path} is on ${network}, where SQLite cannot keep processes apart; ` +
      `put it on a local file system and set [database] connection accordingly`,
  );
}
