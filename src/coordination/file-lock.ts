import { type BigIntStats, closeSync, lstatSync, openSync } from 'node:fs';
import { DatabaseSync } from '@photostructure/sqlite';

/** A lock that this process holds on a file. */
export interface FileLock {
  release(): void;
}

/**
 * Takes the kernel's lock on a file, made when absent, if it is free now. Excludes Python's `fcntl.lockf`, is gone with the
 * process, and leaves the file empty (ecosystem.md §1.3). Nobody in this process may open the file by other means:
 * closing any descriptor of it drops the lock.
 */
export function takeFileLock(file: string): FileLock | undefined {
  for (;;) {
    const before = identityOf(file);
    const database = lockedDatabase(file);
    if (database === undefined) return undefined;
    // Who held the lock until now may have removed the file: then ours is a lock on nothing, and the next one asks anew.
    if (!sameFile(before, statOf(file))) {
      close(database);
      continue;
    }
    held.add(database);
    return {
      release: () => {
        held.delete(database);
        close(database);
      },
    };
  }
}

/** A lock that nobody refers to any more would be collected as garbage, and thereby dropped. */
const held = new Set<Database>();

type Database = InstanceType<typeof DatabaseSync>;

function lockedDatabase(file: string): Database | undefined {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    // With its journal in memory SQLite writes nothing at all, not even beside the file.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database.close();
    const { errcode } = error as { errcode?: number };
    if (errcode === sqliteBusy) return undefined;
    if (errcode === sqliteNotADatabase) {
      throw new Error(`lock file ${file} is not empty: it belongs to something else, or was written to by mistake`, {
        cause: error,
      });
    }
    throw new Error(`cannot lock ${file}`, { cause: error });
  }
}

const sqliteBusy = 5;
const sqliteNotADatabase = 26;

function close(database: Database): void {
  database.exec('ROLLBACK');
  database.close();
}

function identityOf(file: string): BigIntStats {
  const seen = statOf(file) ?? made(file);
  if (!seen.isFile()) throw new Error(`lock file ${file} is no regular file`);
  return seen;
}

function made(file: string): BigIntStats {
  try {
    closeSync(openSync(file, 'wx', 0o640));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return statOf(file) ?? made(file);
}

function statOf(file: string): BigIntStats | undefined {
  return lstatSync(file, { bigint: true, throwIfNoEntry: false });
}

function sameFile(one: BigIntStats, other: BigIntStats | undefined): boolean {
  return one.ino === other?.ino && one.dev === other.dev && one.birthtimeNs === other.birthtimeNs;
}
