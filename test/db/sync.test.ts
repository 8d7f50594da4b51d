import assert from 'node:assert/strict';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { silent } from '../../src/base/log.ts';
import { checkDatabase, syncDatabase } from '../../src/db/sync.ts';
import { DatabaseError } from '../../src/interface/database.ts';
import { databaseOptions, execute } from '../support/database.ts';
import { aFolder } from '../support/folder.ts';

const options = databaseOptions();
const opening = { logger: silent };

test('db sync makes a file, and a second one finds it complete [database 1.5, ecosystem 3.3]', async (t) => {
  const url = `sqlite:///${join(aFolder(t), 'cinder.sqlite')}`;

  const made = await syncDatabase(url, options, opening);
  const again = await syncDatabase(url, options, opening);

  for (const { round_trip_ms, server, ...report } of [made, again]) {
    assert.deepEqual(report, { database: url, schema: 'c92a3e68beed (known, complete)', missing_columns: [] });
    assert.match(server, /^SQLite \d+\.\d+/);
    assert.ok(Number.isInteger(round_trip_ms));
  }
});

test('db check names what is missing, and changes nothing [database 1.5, ecosystem 3.3]', async (t) => {
  const folder = aFolder(t);
  const path = join(folder, 'copy.sqlite');
  await syncDatabase(`sqlite:///${join(folder, 'cinder.sqlite')}`, options, opening);
  copyFileSync(join(folder, 'cinder.sqlite'), path);
  execute(path, 'pragma journal_mode = delete; alter table volumes drop column use_quota; drop table transfers');
  const before = readFileSync(path);

  const report = await checkDatabase(`sqlite:///${path}`, options, opening);

  assert.deepEqual([...report.missing_columns].sort(), ['transfers', 'volumes.use_quota']);
  assert.equal(report.schema, 'c92a3e68beed (known, incomplete)');
  assert.deepEqual(readFileSync(path), before);
});

test('db check tells a revision that it does not know [database 8, ecosystem 3.3]', async (t) => {
  const path = join(aFolder(t), 'cinder.sqlite');
  await syncDatabase(`sqlite:///${path}`, options, opening);
  execute(path, "update alembic_version set version_num = '89abcdef0123'");

  const { schema } = await checkDatabase(`sqlite:///${path}`, options, opening);

  assert.equal(schema, '89abcdef0123 (unknown, complete)');
});

test('the tables of a server are left to cinder-manage [ecosystem 3.3]', async () => {
  for (const url of ['mysql+pymysql://u:secret@h/cinder', 'postgresql://u:secret@h/cinder']) {
    await assert.rejects(
      syncDatabase(url, options, opening),
      (error) =>
        error instanceof DatabaseError &&
        /cinder-manage db sync/.test(error.message) &&
        !error.message.includes('secret'),
    );
  }
});

test('a kind of database or a driver that nobody knows is an error that says what to do [config 12.3]', async () => {
  const messages = await Promise.all(
    ['oracle://u:secret@h/cinder', 'mysql+aiomysql://u:secret@h/cinder', 'postgres://u:secret@h/cinder'].map((url) =>
      checkDatabase(url, options, opening).then(
        () => '',
        (error: Error) => error.message,
      ),
    ),
  );

  assert.match(messages[0] ?? '', /no database 'oracle'.*mysql\+pymysql:\/\/.*postgresql:\/\/.*sqlite:\/\/\/\//);
  assert.match(messages[1] ?? '', /'aiomysql' is no driver of 'mysql'; expected pymysql, mysqldb, mysqlconnector/);
  assert.match(messages[2] ?? '', /no database 'postgres'/);
  assert.ok(messages.every((message) => !message.includes('secret')));
});

test('a server that does not answer is away, by its URL and reason, without its password [config 12.3, O-26]', async () => {
  for (const scheme of [
    'mysql',
    'mysql+pymysql',
    'mysql+mysqldb',
    'mysql+mysqlconnector',
    'postgresql',
    'postgresql+psycopg2',
  ]) {
    await assert.rejects(
      checkDatabase(`${scheme}://u:secret@127.0.0.1:1/cinder`, options, opening),
      (error) =>
        error instanceof DatabaseError &&
        error.kind === 'away' &&
        error.message.includes(`${scheme}://u:***@127.0.0.1:1/cinder`) &&
        error.message.includes('ECONNREFUSED') &&
        !inspect(error, { depth: 5 }).includes('secret'),
      scheme,
    );
  }
});
