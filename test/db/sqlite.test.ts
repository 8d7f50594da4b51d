import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseSync } from '@photostructure/sqlite';
import { messageOf } from '../../src/base/errors.ts';
import { type Database, DatabaseError, type DatabaseErrorKind } from '../../src/interface/database.ts';
import { aNewService, aNewVolume, execute, openTestDatabase, openTestFile, rowsOf } from '../support/database.ts';
import { aFolder } from '../support/folder.ts';
import { aProgram } from '../support/program.ts';

/** Fails unless `promise` rejects with a DatabaseError of this kind that names the path and says `text`. */
async function refuses(promise: Promise<unknown>, kind: DatabaseErrorKind, path: string, text: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof DatabaseError, String(error));
    assert.equal(error.kind, kind, error.message);
    assert.ok(error.message.includes(path), error.message);
    assert.match(error.message, text);
    return true;
  });
}

/** Has the file for itself until it is released. */
function lock(t: TestContext, path: string): { release: () => void } {
  const holder = new DatabaseSync(path, { timeout: 1000 });
  holder.exec('begin immediate');
  t.after(() => holder.close());
  return { release: () => holder.exec('rollback') };
}

function aHurry(): { signal: AbortSignal; hurry: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, hurry: () => controller.abort() };
}

test('waits for a locked file without stopping the event loop, and reads meanwhile [database 1.5, ecosystem 1.3]', async (t) => {
  const { db, path } = await openTestFile(t);
  const { id } = await db.services.register(aNewService());
  const { release } = lock(t, path);
  const writing = db.services.reportState(id, 'elsewhere');
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  t.after(() => clearInterval(timer));

  await sleep(60);
  const read = await db.services.get(id);
  release();

  assert.equal(await writing, true);
  assert.equal(read?.availability_zone, 'nova');
  assert.ok(turns > 5, `${turns} turns`);
});

test('a file that stays locked is an error that names it, and the next write works [database 1.5]', async (t) => {
  const path = `${join(aFolder(t), 'cinder.sqlite')}`;
  const db = await openTestDatabase(t, { path, connection_parameters: 'timeout=0.05' });
  const { id } = await db.services.register(aNewService());
  const { release } = lock(t, path);

  await refuses(db.services.reportState(id, 'nova'), 'away', path, /locked by another process/);
  release();

  assert.equal(await db.services.reportState(id, 'nova'), true);
  assert.equal((await db.services.get(id))?.report_count, 1);
});

test('who brings patience for a locked file waits longer than a service does, but not when asked to hurry [database 1.5]', async (t) => {
  const { signal, hurry } = aHurry();
  const { db, path } = await openTestFile(t, { lockPatience: { seconds: 600, signal } });
  const { id } = await db.services.register(aNewService());
  const { release } = lock(t, path);

  const patient = db.services.reportState(id, 'nova');
  await sleep(6_000);
  release();
  assert.equal(await patient, true);

  const second = lock(t, path);
  const hurried = refuses(db.services.reportState(id, 'nova'), 'away', path, /locked by another process/);
  hurry();
  await hurried;
  second.release();
});

test('a missing folder, a folder in place of the file and bytes of something else are errors that name the path [database 1.5]', async (t) => {
  const folder = aFolder(t);
  const damaged = join(folder, 'damaged.sqlite');
  writeFileSync(damaged, 'these are no pages of a database\n'.repeat(300));
  const before = readFileSync(damaged);

  await refuses(
    openTestDatabase(t, { path: join(folder, 'no', 'x.sqlite') }),
    'away',
    join(folder, 'no'),
    /no such file or directory/i,
  );
  await refuses(openTestDatabase(t, { path: folder }), 'away', folder, /this is a folder/);
  await refuses(
    openTestDatabase(t, { path: damaged }),
    'away',
    damaged,
    /damaged or no SQLite database.*integrity_check/,
  );
  assert.deepEqual(readFileSync(damaged), before);
});

test('a file that was damaged is told at the read that meets it, and works again when it is restored [database 1.5, O-12]', async (t) => {
  const { db, path } = await openTestFile(t);
  await db.volumes.create(aNewVolume());
  await db[Symbol.asyncDispose]();
  const good = readFileSync(path);
  const bad = Buffer.from(good);
  bad.fill(0xff, 4096);
  writeFileSync(path, bad);
  const reopened = await openTestDatabase(t, { path }).catch((error: unknown) => error);

  if (reopened instanceof Error) await refuses(Promise.reject(reopened), 'away', path, /damaged/);
  else await refuses((reopened as Database).volumes.list({ limit: 10 }), 'away', path, /damaged/);
  writeFileSync(path, good);

  assert.equal((await (await openTestDatabase(t, { path })).volumes.list({ limit: 10 })).length, 1);
});

test('a file that cannot be written is an error that says so, and what was in it stays [database 1.5]', async (t) => {
  const place = aPlaceToLock(t);
  if (place === undefined) return;
  const made = await openTestFile(t);
  await made.db.volumes.create(aNewVolume({ display_name: 'kept' }));
  await made.db[Symbol.asyncDispose]();
  const path = join(place.folder, 'cinder.sqlite');
  copyFileSync(made.path, path);

  place.setReadOnly(true);
  await refuses(openTestDatabase(t, { path, create: false }), 'away', path, /for this user/);
  place.setReadOnly(false);
  execute(path, 'pragma journal_mode = delete');
  place.setReadOnly(true);
  const db = await openTestDatabase(t, { path, create: false });
  await refuses(db.volumes.create(aNewVolume()), 'away', path, /read-only/);
  place.setReadOnly(false);
  await db.volumes.create(aNewVolume({ display_name: 'later' }));

  const names = rowsOf(path, 'select display_name from volumes order by display_name').map(
    (row) => row['display_name'],
  );
  assert.deepEqual(names, ['kept', 'later']);
});

/** By permissions, or for root, who stands above them, by a mount. Where neither can be, the test is skipped. */
function aPlaceToLock(t: TestContext): { folder: string; setReadOnly: (on: boolean) => void } | undefined {
  if (process.getuid?.() !== 0) {
    const folder = aFolder(t);
    const setReadOnly = (on: boolean): void => {
      chmodSync(join(folder, 'cinder.sqlite'), on ? 0o400 : 0o600);
      chmodSync(folder, on ? 0o500 : 0o700);
    };
    return { folder, setReadOnly };
  }
  const folder = aMount(t, 'size=8m');
  if (folder === undefined) return undefined;
  const setReadOnly = (on: boolean): void => {
    execFileSync('mount', ['-o', `remount,${on ? 'ro' : 'rw'}`, folder]);
  };
  return { folder, setReadOnly };
}

/** A file system of its own in memory, gone with the test; undefined where this user may not mount: the test is skipped. */
function aMount(t: TestContext, options: string): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'vd-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'none', folder], { stdio: 'pipe' });
  } catch (error) {
    rmSync(folder, { recursive: true });
    t.skip(`a file system cannot be mounted here: ${messageOf(error)}`);
    return undefined;
  }
  t.after(() => {
    execFileSync('umount', ['--lazy', folder]);
    rmSync(folder, { recursive: true });
  });
  return folder;
}

test('a file that is deleted or replaced while in use takes no more writes until it is back [database 1.5]', async (t) => {
  const { db, path } = await openTestFile(t);
  const volume = aNewVolume();
  await db.volumes.create(volume);
  const aside = `${path}.aside`;

  renameSync(path, aside);
  await refuses(db.volumes.update(volume.id, { status: 'lost' }), 'away', path, /does not exist/);
  copyFileSync(aside, path);
  await refuses(db.volumes.update(volume.id, { status: 'lost' }), 'away', path, /another file now/);
  rmSync(path);
  renameSync(aside, path);

  assert.equal(await db.volumes.update(volume.id, { status: 'error' }), true);
  assert.deepEqual(rowsOf(path, 'select status from volumes'), [{ status: 'error' }]);
});

test('a full disk is an error that names the file; what was there stays, and later writes work [database 1.5]', async (t) => {
  const disk = aMount(t, 'size=4m');
  if (disk === undefined) return;
  const path = join(disk, 'cinder.sqlite');
  const db = await openTestDatabase(t, { path });
  const written: string[] = [];
  const fill = async (): Promise<void> => {
    for (;;) {
      const volume = aNewVolume({
        metadata: Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`k${i}`, 'x'.repeat(250)])),
      });
      await db.volumes.create(volume);
      written.push(volume.id);
    }
  };
  const spare = join(disk, 'spare');
  writeFileSync(spare, Buffer.alloc(256 * 1024));

  await refuses(fill(), 'full', path, /no space left/);
  await refuses(fill(), 'full', path, /no space left/);
  const whileFull = (await allIds(db)).sort();
  rmSync(spare);
  await db.volumes.update(written[0] ?? '', { status: 'error' });

  assert.ok(written.length > 3, `${written.length} volumes`);
  assert.deepEqual(whileFull, [...written].sort());
  assert.equal((await db.volumes.get(written[0] ?? ''))?.status, 'error');
  assert.deepEqual(rowsOf(path, 'pragma integrity_check'), [{ integrity_check: 'ok' }]);
});

test('a limit on the size of files is a full disk to a process of its own, and loses nothing [database 1.5]', async (t) => {
  const path = join(aFolder(t), 'cinder.sqlite');
  const volume = aNewVolume();
  await (await openTestDatabase(t, { path })).volumes.create(volume);
  const program = aProgram(
    t,
    `
    const { execFileSync } = await import('node:child_process');
    const { openTestDatabase, aNewVolume } = await load('test/support/database.js');
    const db = await openTestDatabase({ after() {} }, { path: ${JSON.stringify(path)} });
    process.on('SIGXFSZ', () => {});
    execFileSync('prlimit', ['--fsize=' + 600 * 1024, '--pid=' + process.pid]);
    const metadata = Object.fromEntries(Array.from({ length: 40 }, (_, i) => ['k' + i, 'x'.repeat(250)]));
    let count = 0;
    try {
      for (;;) { await db.volumes.create(aNewVolume({ metadata })); count++; }
    } catch (error) {
      say(JSON.stringify({ count, kind: error.kind, message: error.message, live: (await db.volumes.list({ limit: 1000 })).length }));
    }
    process.exit();`,
  );

  const { count, kind, message, live } = JSON.parse(await program.line()) as Record<string, unknown>;

  assert.equal(live, Number(count) + 1);
  assert.ok(['full', 'away'].includes(String(kind)), `${kind}: ${message}`);
  assert.ok(String(message).includes(path));
  assert.deepEqual(rowsOf(path, 'select count(*) as n from volumes where deleted = 0'), [{ n: Number(count) + 1 }]);
});

async function allIds(db: Database): Promise<string[]> {
  return (await db.volumes.list({ limit: 10_000 })).map(({ id }) => id);
}

test('a name, a key or a reference that the tables do not allow is refused for good, and says why [database 1.1]', async (t) => {
  const { db, path } = await openTestFile(t);
  const volume = aNewVolume();
  await db.volumes.create(volume);

  await refuses(db.volumes.create(volume), 'refused', path, /one with this key exists/);
  await refuses(db.volumes.create(aNewVolume({ service_uuid: 'nobody' })), 'refused', path, /FOREIGN KEY/);
  await refuses(
    db.volumes.update(volume.id, { provider_location: 'x'.repeat(257) }),
    'refused',
    'volumes.provider_location',
    /257 characters/,
  );
  await refuses(db.volumes.update(volume.id, { display_name: 'a\0b' }), 'refused', 'volumes.display_name', /NUL/);
  await refuses(db.volumes.update(volume.id, { size: 2 ** 31 }), 'refused', 'volumes.size', /32 bits/);
  await refuses(db.volumes.update(volume.id, { size: 1.5 }), 'refused', 'volumes.size', /integer/);

  await db.volumes.update(volume.id, { display_name: '\u{1F600}'.repeat(255) });
  assert.equal((await db.volumes.get(volume.id))?.display_name, '\u{1F600}'.repeat(255));
});

test('a second close does nothing, and a closed database says so [database 1.5]', async (t) => {
  const { db, path } = await openTestFile(t);
  const last = db.volumes.create(aNewVolume());

  await Promise.all([db[Symbol.asyncDispose](), db[Symbol.asyncDispose]()]);

  await last;
  await refuses(db.volumes.list({ limit: 1 }), 'away', path, /was closed/);
});

test('after a close the file is complete without its -wal [database 1.5]', async (t) => {
  const { db, path } = await openTestFile(t);
  await db.volumes.create(aNewVolume());
  await db[Symbol.asyncDispose]();

  copyFileSync(path, `${path}.copy`);

  assert.deepEqual(rowsOf(`${path}.copy`, 'select status from volumes'), [{ status: 'available' }]);
});
