import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { DatabaseError } from '../interface/database.ts';
import { columnsByTable, type Engine, type EngineOpening } from './access.ts';
import { createStatements } from './ddl.ts';
import { GroupCommit } from './group-commit.ts';
import { SqliteFile } from './sqlite.ts';
import { isBusy } from './sqlite-errors.ts';
import type { DatabaseUrl } from './url.ts';

/** Seconds that a locked file is tried again, unless the URL or the caller says more: what Python's sqlite3 waits. */
const defaultTimeout = 5;

/**
 * Opens the SQLite file of a URL; `create` makes a missing one. Rejects with a DatabaseError that names the path, also when
 * another process has the file for longer than the time-out.
 */
export async function openSqlite(url: DatabaseUrl, opening: EngineOpening): Promise<Engine> {
  const { create, signal, lockPatience } = opening;
  const path = pathOf(url);
  const patience = patienceOf(url, lockPatience?.seconds ?? defaultTimeout);
  const file = await openPatiently(path, create, patience, signal);
  const commit = new GroupCommit(file, patience, { hurry: lockPatience?.signal });
  return {
    read: (work) => commit.read(work),
    write: (work) => commit.write(work),
    serverVersion: async (db) => {
      const { rows } = await sql<{ version: string }>`select sqlite_version() as version`.execute(db);
      return `SQLite ${rows[0]?.version}`;
    },
    tables: async (db) => {
      const { rows } = await sql<{ name: string; column: string }>`
        select t.name as name, c.name as "column" from sqlite_master t join pragma_table_info(t.name) c
        where t.type = 'table' and t.name not like 'sqlite\\_%' escape '\\'`.execute(db);
      return columnsByTable(rows);
    },
    createStatements,
    close: () => commit.close(),
  };
}

/** The file that a URL names; relative ones start at the working directory, no file at all means memory. */
function pathOf({ database, host, query, masked }: DatabaseUrl): string {
  if (host !== undefined || query.has('uri') || database.startsWith('file:')) {
    throw new DatabaseError(
      'refused',
      `[database] connection = ${masked} names no file; expected sqlite:////absolute/path or sqlite:///relative/path`,
    );
  }
  return database === '' || database === ':memory:' ? ':memory:' : resolve(database);
}

function patienceOf({ query, masked }: DatabaseUrl, usual: number): number {
  const text = query.get('timeout');
  const seconds = text === undefined ? usual : Number(text);
  if (text === '' || !(seconds >= 0)) {
    throw new DatabaseError(
      'refused',
      `[database] connection = ${masked}: timeout is a number of seconds, not '${text}'`,
    );
  }
  return seconds * 1000;
}

async function openPatiently(
  path: string,
  create: boolean,
  patience: number,
  signal?: AbortSignal,
): Promise<SqliteFile> {
  const deadline = performance.now() + patience;
  for (;;) {
    try {
      return new SqliteFile(path, create);
    } catch (error) {
      if (!isBusy(error) || performance.now() >= deadline) throw error;
      await sleep(5, undefined, signal === undefined ? {} : { signal });
    }
  }
}
