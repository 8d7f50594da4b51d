import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DatabaseError } from '../../src/interface/database.ts';
import { execute, openTestDatabase, openTestFile, rowsOf } from '../support/database.ts';
import { listingOf } from '../support/database-listing.ts';
import { eventually } from '../support/eventually.ts';
import { aFolder } from '../support/folder.ts';
import { aProgram } from '../support/program.ts';
import { aLogger } from '../support/recording-logger.ts';
import { repository } from '../support/repository.ts';

test('a missing file gets the tables that cinder-manage db sync makes, column by column [database 1.5, 2, 3]', async (t) => {
  const { path } = await openTestFile(t);

  const golden = readFileSync(join(repository, 'test/db/schema.txt'), 'utf8');
  assert.equal(listingOf(path), golden);
});

test('a new file has the rows that the migrations of Cinder put in [database 1.2]', async (t) => {
  const { rows } = await openTestFile(t, { quota_volumes: 20 });

  const anyTime = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/;
  assert.deepEqual(rows('select version_num from alembic_version'), [{ version_num: 'c92a3e68beed' }]);
  assert.deepEqual(rows('select name, is_public, description, deleted from volume_types'), [
    { name: '__DEFAULT__', is_public: 1, description: 'Default Volume Type', deleted: 0 },
  ]);
  assert.deepEqual(
    rows("select resource, hard_limit from quota_classes where class_name = 'default' and deleted = 0"),
    [
      { resource: 'volumes', hard_limit: 20 },
      { resource: 'snapshots', hard_limit: 10 },
      { resource: 'gigabytes', hard_limit: 1000 },
      { resource: 'consistencygroups', hard_limit: 10 },
      { resource: 'per_volume_gigabytes', hard_limit: -1 },
      { resource: 'groups', hard_limit: 10 },
    ],
  );
  assert.deepEqual(
    rows('select t.name, s.key, s.value from group_types t join group_type_specs s on s.group_type_id = t.id'),
    [{ name: 'default_cgsnapshot_type', key: 'consistent_group_snapshot_enabled', value: '<is> True' }],
  );
  const [sentinel] = rows('select * from workers');
  assert.match(String(sentinel?.['updated_at']), anyTime);
  assert.match(String(sentinel?.['updated_at']), /000123$/);
  assert.deepEqual(
    [
      sentinel?.['id'],
      sentinel?.['resource_type'],
      sentinel?.['resource_id'],
      sentinel?.['status'],
      sentinel?.['deleted'],
    ],
    [1, 'SENTINEL', 'SUB-SECOND', 'OK', 0],
  );
});

test('a new file can be read by its owner only, for it holds CHAP secrets [database 1.5]', async (t) => {
  const { path } = await openTestFile(t);

  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('an empty file is filled, a file with tables is left as it is [database 1.5]', async (t) => {
  const path = join(aFolder(t), 'cinder.sqlite');
  writeFileSync(path, '');
  await (await openTestDatabase(t, { path }))[Symbol.asyncDispose]();
  execute(path, 'create index ix_mine on volumes (host); drop index ix_volumes_group_id');
  const before = listingOf(path);

  await openTestDatabase(t, { path });

  assert.equal(listingOf(path), before);
});

test('without create a missing or empty file is an error that names it and db sync, and none is made [database 1.5, L-035]', async (t) => {
  const folder = aFolder(t);
  const missing = join(folder, 'missing.sqlite');
  const empty = join(folder, 'empty.sqlite');
  writeFileSync(empty, '');

  for (const path of [missing, empty]) {
    await assert.rejects(
      openTestDatabase(t, { path, create: false }),
      (error) =>
        error instanceof DatabaseError &&
        error.kind === 'away' &&
        error.message.includes(path) &&
        error.message.includes('volume-daemon db sync'),
    );
  }
  assert.equal(existsSync(missing), false);
});

test('waits for a file that db sync makes later, with a warning that says why [database 1.5, L-131]', async (t) => {
  const path = join(aFolder(t), 'cinder.sqlite');
  const logger = aLogger();
  const opening = openTestDatabase(t, { path, create: false, max_retries: -1, retry_interval: 0, logger });
  await eventually('a warning', () => logger.lines.some((line) => line.startsWith('WARNING SQL connection failed.')));

  await openTestDatabase(t, { path });
  const db = await opening;

  assert.ok((await db.ping()) >= 0);
});

test('an abort ends the wait for a database at once [L-131]', async (t) => {
  const path = join(aFolder(t), 'cinder.sqlite');
  const abort = new AbortController();
  const opening = openTestDatabase(t, {
    path,
    create: false,
    max_retries: -1,
    retry_interval: 600,
    signal: abort.signal,
  });

  setImmediate(() => abort.abort());

  await assert.rejects(opening, { name: 'AbortError' });
});

test('a file with the tables of something else is refused and left as it is [database 1.5]', async (t) => {
  const path = join(aFolder(t), 'other.sqlite');
  execute(path, 'create table songs (title text)');
  const before = readFileSync(path);

  await assert.rejects(
    openTestDatabase(t, { path }),
    (error) => error instanceof DatabaseError && error.kind === 'refused' && /services/.test(error.message),
  );
  assert.deepEqual(readFileSync(path), before);
});

test('a revision that is not known is told and nothing more [database 8]', async (t) => {
  const { path, db } = await openTestFile(t);
  await db[Symbol.asyncDispose]();
  execute(path, "update alembic_version set version_num = '89abcdef0123'");
  const logger = aLogger();

  await openTestDatabase(t, { path, logger, create: false });

  assert.equal(logger.lines.filter((line) => /WARNING .*89abcdef0123.*c92a3e68beed/.test(line)).length, 1);
});

test('several processes that open an empty file at once make its tables once [database 1.5]', async (t) => {
  const path = join(aFolder(t), 'cinder.sqlite');
  const code = `
    const { openTestDatabase } = await load('test/support/database.js');
    const { aLogger } = await load('test/support/recording-logger.js');
    say('ready');
    await new Promise((resolve) => process.stdin.once('data', resolve));
    const logger = aLogger();
    const db = await openTestDatabase({ after() {} }, { path: ${JSON.stringify(path)}, logger });
    await db.volumeTypes.default();
    say('made ' + logger.lines.filter((line) => line.includes('Made the tables')).length);
    await db[Symbol.asyncDispose]();
    process.exit();`;
  const programs = Array.from({ length: 4 }, () => aProgram(t, code));
  for (const program of programs) assert.equal(await program.line(), 'ready');

  for (const { child } of programs) child.stdin?.write('go\n');
  const made = await Promise.all(programs.map((program) => program.line()));

  assert.deepEqual(made.sort(), ['made 0', 'made 0', 'made 0', 'made 1']);
  assert.equal(rowsOf(path, 'select id from volume_types').length, 1);
});

test('a start that was killed half way through the tables leaves an empty file for the next [database 1.5]', async (t) => {
  const folder = aFolder(t);
  mkdirSync(join(folder, 'half'));
  const path = join(folder, 'half', 'cinder.sqlite');
  const program = aProgram(
    t,
    `
    const { SqliteFile } = await load('src/db/sqlite.js');
    const { createStatements } = await load('src/db/ddl.js');
    const file = new SqliteFile(${JSON.stringify(path)}, true);
    file.begin('immediate');
    for (const statement of [...createStatements()].slice(0, 30)) file.exec(statement);
    say('half');
    setInterval(() => {}, 1000);`,
  );
  assert.equal(await program.line(), 'half');

  await program.kill();
  await openTestDatabase(t, { path });

  assert.equal(listingOf(path), readFileSync(join(repository, 'test/db/schema.txt'), 'utf8'));
});
