import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { silent } from '../../src/base/log.ts';
import { openDatabase } from '../../src/db/database.ts';
import { schema } from '../../src/db/schema.ts';
import { checkDatabase, syncDatabase } from '../../src/db/sync.ts';
import type { Columns, Table } from '../../src/db/table.ts';
import { DatabaseError } from '../../src/interface/database.ts';
import { aNewVolume, databaseOptions } from '../support/database.ts';
import type { DatabaseBench } from '../support/database-bench.ts';
import { load } from '../support/database-load.ts';
import { eventually } from '../support/eventually.ts';
import type { PrivateServer } from '../support/private-server.ts';

/** Columns that Cinder's migrations leave nullable in SQLite only. */
const requiredOnServers = ['encryption.control_location', 'encryption.provider'];

/** What only tests of one kind of server can say in its words. */
export interface ServerFaults {
  /** Client connections to `cinder`, without the one that asks. */
  readonly connections: string;
  /** Ends them all. */
  readonly killAll: string;
  /** Lets the server refuse writes, and take them again. */
  readonly readOnly: readonly [string, string];
  /** A column's type as `types` has it. */
  readonly typeOf: (column: Columns[string]) => string;
  /** All columns of a database: `name` with its table, `type`, `nullable`. */
  readonly types: string;
}

/** What a server of a shared schema is asked and spared, and what becomes of work when it fails (database.md §1.5, O-24). */
export function databaseServerSuite(server: () => PrivateServer, bench: DatabaseBench, faults: ServerFaults): void {
  const url = (): string => server().url('cinder');
  const opening = { logger: silent };

  test('the tables that cinder-manage makes are those that we know, column by column; db check says so [database 2, 3, ecosystem 3.3]', async (t) => {
    await bench.open(t);

    const found = await server().admin(faults.types, 'cinder');
    const report = await checkDatabase(url(), databaseOptions(), opening);

    const expected = Object.entries<Table<Columns>>(schema).flatMap(([table, { columns }]) =>
      Object.entries(columns).map(([name, column]) => {
        const isRequired = column.required || column.primary || requiredOnServers.includes(`${table}.${name}`);
        return `${table}.${name} ${faults.typeOf(column)}${isRequired ? ' not null' : ''}`;
      }),
    );
    const text = found.map((row) => `${row['name']} ${row['type']}${row['nullable'] === 'YES' ? '' : ' not null'}`);
    assert.deepEqual(text.sort(), expected.sort());
    assert.equal(report.schema, 'c92a3e68beed (known, complete)');
    assert.deepEqual(report.missing_columns, []);
    assert.match(report.server, /\d+\.\d+/);
    assert.ok(!report.database.includes('p%40'));
  });

  test('db sync leaves a server to cinder-manage, full or empty; an empty one is an error that says so [database 1.5, L-035]', async (t) => {
    await bench.open(t);
    const { admin, url: urlOf } = server();
    await admin('create database nothing');
    t.after(() => admin('drop database nothing'));
    const before = await admin(faults.types, 'cinder');

    for (const name of ['cinder', 'nothing']) {
      await assert.rejects(syncDatabase(urlOf(name), databaseOptions(), opening), /cinder-manage db sync/);
    }
    const refusal = await openDatabase(urlOf('nothing'), databaseOptions(), { ...opening, create: true }).then(
      () => '',
      (error: Error) => error.message,
    );

    assert.match(refusal, /(no tables; 'cinder-manage db sync' makes them|denied)/);
    assert.deepEqual(await admin(faults.types, 'cinder'), before);
    assert.deepEqual(await admin(faults.types, 'nothing'), []);
  });

  test('one connection is kept while nothing is asked, no more than the pool may have while much is [O-24, config 12.3]', async (t) => {
    const { db } = await bench.open(t, { max_pool_size: 2, max_overflow: 3 });
    const count = async (): Promise<number> => Number((await server().admin(faults.connections, 'cinder'))[0]?.['n']);
    let most = 0;
    let isOver = false;
    const watching = (async () => {
      while (!isOver) most = Math.max(most, await count());
    })();

    await Promise.all(Array.from({ length: 200 }, () => db.volumes.create(aNewVolume())));
    isOver = true;
    await watching;

    assert.ok(most > 1 && most <= 5, `${most} connections`);
    await eventually('one connection is left', async () => (await count()) === 1);
  });

  test('who waits for a connection too long is told, and a pool that is closed lets nobody wait [config 12.3]', async (t) => {
    const { db, again } = await bench.open(t, { max_pool_size: 1, max_overflow: 0, pool_timeout: 1 });
    const volume = aNewVolume();
    await db.volumes.create(volume);
    const hold = db.transaction(async (tx) => {
      await tx.volumes.get(volume.id);
      await sleep(2_000);
    });

    await sleep(100);
    await assert.rejects(db.volumes.get(volume.id), /all 1 connections to the database are busy for 1 s/);
    await hold;
    assert.equal((await db.volumes.get(volume.id))?.id, volume.id);
    const other = await again();
    await other[Symbol.asyncDispose]();
    await assert.rejects(other.volumes.get(volume.id), /closed/);
  });

  test('connections that the server ended while they lay idle cost nothing [O-24]', async (t) => {
    const { db } = await bench.open(t);
    const volume = aNewVolume();
    await db.volumes.create(volume);

    await server().admin(faults.killAll, 'cinder');

    assert.equal(await db.volumes.update(volume.id, { size: 7 }), true);
    assert.equal((await db.volumes.get(volume.id))?.size, 7);
  });

  test('a deadlock with another client ends with both having written [database 1.1]', async (t) => {
    const { db } = await bench.open(t);
    const [one, two] = [aNewVolume(), aNewVolume()];
    for (const volume of [one, two, aNewVolume(), aNewVolume()]) await db.volumes.create(volume);
    const name = (id: string, text: string): string => `update volumes set display_name = '${text}' where id = '${id}'`;
    let tries = 0;
    let ready = (): void => {};
    const locked = new Promise<void>((resolve) => {
      ready = resolve;
    });

    const ours = db.transaction(async (tx) => {
      tries += 1;
      await tx.volumes.update(two.id, { display_description: 'ours' });
      ready();
      await sleep(tries === 1 ? 500 : 0);
      await tx.volumes.update(one.id, { display_description: 'ours' });
    });
    await locked;
    // The other one has written more, so that it is not the one that is undone.
    const other = server().admin(
      `begin; update volumes set availability_zone = 'zone' where id <> '${two.id}';
       ${name(one.id, 'theirs')}; ${name(two.id, 'theirs')}; commit`,
      'cinder',
    );
    await Promise.allSettled([ours, other]);
    await ours;

    const found = await Promise.all([one, two].map(({ id }) => db.volumes.get(id)));
    assert.deepEqual(
      found.map((volume) => volume?.display_description),
      ['ours', 'ours'],
    );
  });

  test('a lock that another client holds for long is waited for: the server is at work, not dead [O-24]', async (t) => {
    const { db } = await bench.open(t);
    const volume = aNewVolume();
    await db.volumes.create(volume);
    const other = server().admin(
      `begin; update volumes set display_name = 'theirs' where id = '${volume.id}'; ${bench.name === 'MariaDB' ? 'do sleep(7)' : 'select pg_sleep(7)'}; commit`,
      'cinder',
    );
    const free = `select id from volumes where id = '${volume.id}' for update skip locked`;
    await eventually('the other one holds the row', async () => (await server().admin(free, 'cinder')).length === 0);
    const start = performance.now();

    assert.equal(await db.volumes.update(volume.id, { size: 3 }), true);

    assert.ok(performance.now() - start > 3_000);
    await other;
    const found = await db.volumes.get(volume.id);
    assert.deepEqual([found?.size, found?.display_name], [3, 'theirs']);
  });

  test('a server that takes no writes for a moment, as in a fail-over, is waited for; one that goes on is away [database 1.1]', async (t) => {
    const { db } = await bench.open(t);
    const volume = aNewVolume();
    await db.volumes.create(volume);
    const [off, on] = faults.readOnly;
    t.after(() => server().admin(on));

    await server().admin(off);
    const start = performance.now();
    await assert.rejects(
      db.volumes.update(volume.id, { size: 2 }),
      (error) => error instanceof DatabaseError && error.kind === 'away' && /read.only/i.test(error.message),
    );
    assert.ok(performance.now() - start < 8_000);
    assert.equal((await db.volumes.get(volume.id))?.size, 1);
    const back = sleep(1_000).then(() => server().admin(on));

    assert.equal(await db.volumes.update(volume.id, { size: 2 }), true);
    await back;
  });

  test('a server that is killed in the middle of load and started again has lost nothing that was acknowledged [database 1.1]', async (t) => {
    const { db } = await bench.open(t);
    const work = await load(t, db);
    await work.progress(200);

    server().signal('SIGKILL');
    await server().gone();
    await sleep(1_000);
    await server().start();

    await work.progress(200);
    await work.finish();
  });

  test('a server that stands still for 10 s is noticed in 5 s, and the work goes on when it does [O-24]', async (t) => {
    const { db } = await bench.open(t);
    const work = await load(t, db);
    await work.progress(100);

    server().signal('SIGSTOP');
    const start = performance.now();
    t.after(() => server().signal('SIGCONT'));
    const failed = await db.volumes.list({ limit: 1 }).then(
      () => undefined,
      (error: unknown) => error,
    );
    const took = performance.now() - start;
    await sleep(Math.max(0, 10_000 - took));
    server().signal('SIGCONT');

    assert.ok(failed instanceof DatabaseError && failed.kind === 'away', String(failed));
    assert.ok(took < 7_000, `${Math.round(took)} ms`);
    await work.progress(100);
    await work.finish();
  });

  test('work goes on with the connections there are while the server has no more [O-24]', async (t: TestContext) => {
    const { db } = await bench.open(t);
    await db.ping();
    const others = await hogAll(t, url());

    await Promise.all(Array.from({ length: 50 }, () => db.volumes.create(aNewVolume())));
    await assert.rejects(
      openDatabase(url(), databaseOptions(), opening),
      (error) => error instanceof DatabaseError && error.kind === 'away',
    );
    for (const other of others) await other[Symbol.asyncDispose]();

    const late = await openDatabase(url(), databaseOptions(), opening);
    assert.equal((await late.volumes.list({ limit: 100 })).length, 50);
    await late[Symbol.asyncDispose]();
  });
}

/** Takes every connection that the server has to give. */
async function hogAll(t: TestContext, url: string): Promise<readonly AsyncDisposable[]> {
  const held: AsyncDisposable[] = [];
  t.after(() => Promise.all(held.map((db) => db[Symbol.asyncDispose]())));
  for (;;) {
    try {
      held.push(await openDatabase(url, databaseOptions(), { logger: silent }));
    } catch (error) {
      assert.ok(held.length > 2, String(error));
      return held;
    }
  }
}
