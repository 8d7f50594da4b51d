import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { silent } from '../../src/base/log.ts';
import { openDatabase } from '../../src/db/database.ts';
import type { DatabaseOptions } from '../../src/db/options.ts';
import { schema } from '../../src/db/schema.ts';
import type { Database } from '../../src/interface/database.ts';
import { cinderManageSync } from './cinder-manage.ts';
import { databaseOptions } from './database.ts';
import type { DatabaseBench } from './database-bench.ts';
import type { PrivateServer } from './private-server.ts';

/** What is a server's own. */
export interface ServerWords {
  readonly name: string;
  /** Makes the database `cinder`. */
  readonly create: string;
  /** In it, before the first test: what lets the tests write booleans as numbers, say. */
  readonly prepare: string;
  /** Before and after a database is emptied: rows may go before those that they refer to. */
  readonly lax: readonly [string, string];
  /** A statement of the tests in the server's own words. */
  readonly spoken: (sql: string) => string;
}

export const mariadbWords: ServerWords = {
  name: 'MariaDB',
  create: 'create database cinder character set utf8mb3',
  prepare: 'select 1',
  lax: ['set foreign_key_checks = 0', 'set foreign_key_checks = 1'],
  spoken: (sql) => sql,
};

export const postgresWords: ServerWords = {
  name: 'PostgreSQL',
  create: 'create database cinder',
  prepare: `update pg_cast set castcontext = 'a' where castsource = 'int4'::regtype and casttarget = 'bool'::regtype`,
  lax: ["set session_replication_role = 'replica'", "set session_replication_role = 'origin'"],
  spoken: (sql) => sql.replaceAll(/\bdeleted = 0/g, 'not deleted').replaceAll(/(where.*)\bdeleted = 1/g, '$1deleted'),
};

/** The tables as `cinder-manage db sync` makes them on a server, emptied for each test but for the seed rows. */
export function serverBench(server: () => PrivateServer, words: ServerWords): DatabaseBench {
  let reset: Promise<string> | undefined;
  return {
    name: words.name,
    nextMoment: () => sleep(1010 - (Date.now() % 1000)),
    async open(t, options = {}) {
      const { admin, url } = server();
      reset ??= prepared(server(), words);
      const presets = databaseOptions(options);
      const limits = (['volumes', 'snapshots', 'gigabytes', 'groups'] as const).map(
        (name) => `update quota_classes set hard_limit = ${presets[`quota_${name}`]} where resource = '${name}'`,
      );
      await admin(`${await reset}; ${limits.join('; ')}`, 'cinder');
      const again = (others: Partial<DatabaseOptions> = {}): Promise<Database> =>
        opened(t, url('cinder'), { ...options, ...others });
      return {
        db: await again(),
        again,
        rows: (sql) => admin(words.spoken(sql), 'cinder'),
        execute: async (sql) => void (await admin(words.spoken(sql), 'cinder')),
      };
    },
  };
}

/** Has the tables made; resolves to the statements that empty them but for what is there now. */
async function prepared({ admin, folder, url }: PrivateServer, words: ServerWords): Promise<string> {
  await admin(words.create);
  await cinderManageSync(folder, url('cinder'));
  await admin(words.prepare, 'cinder');
  const statements: string[] = [words.lax[0]];
  for (const table of Object.keys(schema).filter((name) => name !== 'alembic_version')) {
    statements.push(`delete from "${table}"`);
    for (const row of await admin(`select * from "${table}"`, 'cinder')) {
      const columns = Object.keys(row).map((column) => `"${column}"`);
      const values = Object.values(row).map((value) => (value === null ? 'null' : `'${String(value)}'`));
      statements.push(`insert into "${table}" (${columns.join(', ')}) values (${values.join(', ')})`);
    }
  }
  return [...statements, words.lax[1]].join('; ');
}

/** A database, closed with the test. */
export async function opened(
  t: Pick<TestContext, 'after'>,
  url: string,
  options: Partial<DatabaseOptions> = {},
): Promise<Database> {
  const database = await openDatabase(url, databaseOptions(options), { logger: silent });
  t.after(() => database[Symbol.asyncDispose]());
  return database;
}
