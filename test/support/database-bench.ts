import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { DatabaseOptions } from '../../src/db/options.ts';
import type { Database } from '../../src/interface/database.ts';
import { execute, openTestDatabase, rowsOf } from './database.ts';
import { aFolder } from './folder.ts';

/** A kind of database to hold the tables against. */
export interface DatabaseBench {
  readonly name: string;
  /** A database with Cinder's tables and nothing in it but the rows that Cinder's own migrations put there. */
  open(t: TestContext, options?: Partial<DatabaseOptions>): Promise<DatabaseUnderTest>;
  /** Waits until times of now differ from those before: some databases keep whole seconds. */
  nextMoment(): Promise<void>;
}

export interface DatabaseUnderTest {
  readonly db: Database;
  /** The same database, opened once more, as another process would. */
  again(options?: Partial<DatabaseOptions>): Promise<Database>;
  /** Rows read past our own code: times as text, booleans as numbers. */
  rows(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** Changes the database past our own code; booleans may be written as numbers, names are quoted by `"`. */
  execute(sql: string): Promise<void>;
}

export const sqliteBench: DatabaseBench = {
  name: 'SQLite',
  nextMoment: async () => {},
  async open(t, options = {}) {
    const path = join(aFolder(t), 'cinder.sqlite');
    return {
      db: await openTestDatabase(t, { ...options, path }),
      again: (others = {}) => openTestDatabase(t, { ...others, path }),
      rows: async (sql) => rowsOf(path, sql),
      execute: async (sql) => execute(path, sql),
    };
  },
};
