import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { Database } from '../../../src/interface/database.ts';
import type { ResourceKey } from '../../../src/interface/worker-table.ts';
import { serviceHost } from '../../../src/objects/host.ts';
import type { Service } from '../../../src/objects/service.ts';
import { aNewService, aNewSnapshot, aNewVolume } from '../../support/database.ts';
import type { DatabaseBench } from '../../support/database-bench.ts';

export function workerTableSuite(bench: DatabaseBench): void {
  function aKey(): ResourceKey {
    return { type: 'Volume', id: randomUUID() };
  }

  async function twoServices(db: Database): Promise<[Service, Service]> {
    const other = aNewService({ host: serviceHost('node', 'other') });
    return [await db.services.register(aNewService()), await db.services.register(other)];
  }

  test('a claim is made once: the second one gets nothing [database 5.2, R-03]', async (t) => {
    const { db, rows } = await bench.open(t);
    const [service] = await twoServices(db);
    const key = aKey();

    const [first, second] = await Promise.all([
      db.workers.insert(key, 'creating', service.id),
      db.workers.insert(key, 'creating', service.id),
    ]);

    assert.ok(first);
    assert.deepEqual(first, { id: first.id, key, status: 'creating' });
    assert.equal(second, undefined);
    const [row] = await rows("select * from workers where resource_type = 'Volume'");
    const { created_at, updated_at, ...columns } = row ?? {};
    assert.deepEqual(columns, {
      id: first.id,
      resource_type: 'Volume',
      resource_id: key.id,
      status: 'creating',
      service_id: service.id,
      race_preventer: 0,
      deleted: 0,
      deleted_at: null,
    });
    assert.equal(String(created_at).slice(0, 19), String(updated_at).slice(0, 19));
    const found = await db.workers.find(key);
    assert.equal(found?.updated_at, String(updated_at).replace(' ', 'T'));
    assert.deepEqual(found?.owner, { id: service.id, host: 'node@file', binary: 'cinder-volume', deleted: false });
  });

  test('a row is taken only as it was read: owner, status, counter and microseconds [database 5.2]', async (t) => {
    const { db, execute } = await bench.open(t);
    const [mine, other] = await twoServices(db);
    const key = aKey();
    await db.workers.handOver(key, 'creating');
    const row = await db.workers.find(key);
    assert.ok(row);
    assert.equal(row.service_id, null);

    const stale = [
      { ...row, status: 'deleting' },
      { ...row, service_id: other.id },
      { ...row, race_preventer: 1 },
      {
        ...row,
        updated_at:
          `${row.updated_at.slice(0, -1)}${row.updated_at.endsWith('0') ? '1' : '0'}` as typeof row.updated_at,
      },
      { ...row, key: aKey() },
    ];
    for (const token of stale) assert.equal(await db.workers.take(token, 'creating', mine.id), undefined);

    assert.deepEqual(await db.workers.take(row, 'downloading', mine.id), { id: row.id, key, status: 'downloading' });
    assert.equal(await db.workers.take(row, 'downloading', other.id), undefined);
    const taken = await db.workers.find(key);
    assert.deepEqual([taken?.status, taken?.service_id, taken?.race_preventer], ['downloading', mine.id, 1]);
    assert.ok(taken && taken.updated_at > row.updated_at);
    assert.ok(taken && (await db.workers.take(taken, 'creating', other.id)));
    await execute('update workers set deleted = 1 where id > 1');
    assert.equal(await db.workers.find(key), undefined);
  });

  test('of many that take one row at once, in two processes or one, a single one gets it [database 5.2]', async (t) => {
    const { db, again } = await bench.open(t);
    const other = await again();
    const [mine, theirs] = await twoServices(db);
    for (let round = 0; round < 10; round++) {
      const key = aKey();
      await db.workers.handOver(key, 'deleting');
      const row = await db.workers.find(key);
      assert.ok(row);

      const claims = await Promise.all([
        db.workers.take(row, 'deleting', mine.id),
        other.workers.take(row, 'deleting', theirs.id),
        db.workers.take(row, 'deleting', mine.id),
        other.workers.take(row, 'deleting', theirs.id),
      ]);

      assert.equal(claims.filter((claim) => claim !== undefined).length, 1);
    }
  });

  test('a claim is renewed, moved and released only while it is ours [database 5.3, 5.4, R-06, R-18]', async (t) => {
    const { db } = await bench.open(t);
    const [mine, other] = await twoServices(db);
    const key = aKey();
    const claim = await db.workers.insert(key, 'creating', mine.id);
    const lost = await db.workers.insert(aKey(), 'creating', mine.id);
    assert.ok(claim && lost);
    const before = await db.workers.find(key);

    await db.workers.handOver(lost.key, 'deleting');
    assert.deepEqual(await db.workers.renew([claim, lost], mine.id), new Set([claim.id]));
    assert.deepEqual(await db.workers.renew([claim], other.id), new Set());
    assert.deepEqual(await db.workers.renew([], mine.id), new Set());
    const renewed = await db.workers.find(key);
    assert.ok(before && renewed && renewed.updated_at > before.updated_at);
    assert.equal(renewed.race_preventer, 1);

    assert.equal(await db.workers.setStatus(claim, 'downloading', other.id), false);
    assert.equal(await db.workers.setStatus(claim, 'downloading', mine.id), true);
    assert.equal(await db.workers.release(claim, mine.id), false);
    assert.equal(await db.workers.release({ ...claim, status: 'downloading' }, other.id), false);
    assert.equal(await db.workers.release({ ...claim, status: 'downloading' }, mine.id), true);
    assert.equal(await db.workers.find(key), undefined);
    assert.equal(await db.workers.release(lost, mine.id), false);
  });

  test('a clean-up that fails gives the row back as it was, its time included [database 5.5]', async (t) => {
    const { db } = await bench.open(t);
    const [mine, other] = await twoServices(db);
    const key = aKey();
    await db.workers.insert(key, 'creating', other.id);
    const row = await db.workers.find(key);
    assert.ok(row);
    const claim = await db.workers.take(row, 'creating', mine.id);
    assert.ok(claim);

    assert.equal(await db.workers.giveBack(row, claim, mine.id), true);

    assert.deepEqual(await db.workers.find(key), { ...row, race_preventer: 2 });
    assert.equal(await db.workers.giveBack(row, claim, mine.id), false);
  });

  test('a hand-over makes the row or takes it from whoever has it; it is withdrawn while nobody has it [database 5.1]', async (t) => {
    const { db, rows } = await bench.open(t);
    const [mine] = await twoServices(db);
    const key = aKey();
    const look = (): Promise<unknown> =>
      rows(`select status, service_id, race_preventer from workers where resource_id = '${key.id}'`);

    await db.workers.handOver(key, 'creating');
    assert.deepEqual(await look(), [{ status: 'creating', service_id: null, race_preventer: 0 }]);
    await db.workers.handOver(key, 'deleting');
    assert.deepEqual(await look(), [{ status: 'deleting', service_id: null, race_preventer: 1 }]);
    const row = await db.workers.find(key);
    assert.ok(row);
    await db.workers.take(row, 'deleting', mine.id);
    assert.equal(await db.workers.withdraw(key), false);
    await db.workers.handOver(key, 'deleting');
    assert.equal(await db.workers.withdraw(key), true);
    assert.deepEqual(await look(), []);
  });

  test('rows are listed by their service; the sentinel is never seen [database 1.2, 5]', async (t) => {
    const { db } = await bench.open(t);
    const [mine, other] = await twoServices(db);
    const first = await db.workers.insert(aKey(), 'creating', mine.id);
    await db.workers.insert(aKey(), 'creating', other.id);
    await db.workers.handOver(aKey(), 'deleting');
    const statuses = async (id: number | null): Promise<string[]> =>
      (await db.workers.ofService(id)).map(({ status }) => status);

    assert.deepEqual(
      (await db.workers.ofService(mine.id)).map(({ id }) => id),
      [first?.id],
    );
    assert.deepEqual(await statuses(null), ['deleting']);
    assert.equal(await db.workers.find({ type: 'SENTINEL' as 'Volume', id: 'SUB-SECOND' }), undefined);
  });

  test('what nobody at work holds of a service is found, exactly of that service [manager 2.6, database 1.3]', async (t) => {
    const { db, execute } = await bench.open(t);
    const host = serviceHost('node', 'nfs_1');
    const me = await db.services.register(aNewService({ host }));
    const scheduler = await db.services.register(
      aNewService({ host: serviceHost('node', 's'), binary: 'cinder-scheduler' }),
    );
    const removed = await db.services.register(aNewService({ host: serviceHost('node', 'removed') }));
    await execute(`update services set deleted = 1 where id = ${removed.id}`);
    const volumeFor = async (where: string): Promise<ResourceKey> => {
      const volume = aNewVolume({ host: where });
      await db.volumes.create(volume);
      return { type: 'Volume', id: volume.id };
    };
    const expected: ResourceKey[] = [];
    for (const owner of [null, scheduler.id, removed.id]) {
      const key = await volumeFor('node@nfs_1#p');
      await db.workers.insert(key, 'creating', owner);
      expected.push(key);
    }
    await db.workers.insert(await volumeFor('node@nfs_1#p'), 'creating', me.id);
    await db.workers.insert(await volumeFor('node@nfs-1#p'), 'creating', null);
    await db.workers.insert(aKey(), 'creating', null);
    const volume = aNewVolume({ host });
    await db.volumes.create(volume);
    const snapshot = aNewSnapshot(volume);
    await db.snapshots.create(snapshot);
    await execute(`insert into groups (id, host, deleted) values ('g', 'node@nfs_1#p', 0), ('h', 'other@nfs_1', 0)`);
    await execute(`insert into group_snapshots (id, group_id, deleted) values ('gs', 'g', 0), ('hs', 'h', 0)`);
    for (const key of [
      { type: 'Snapshot', id: snapshot.id },
      { type: 'Group', id: 'g' },
      { type: 'GroupSnapshot', id: 'gs' },
    ] as const) {
      await db.workers.insert(key, 'creating', null);
      expected.push(key);
    }
    await db.workers.insert({ type: 'Group', id: 'h' }, 'creating', null);
    await db.workers.insert({ type: 'GroupSnapshot', id: 'hs' }, 'creating', null);
    await db.workers.insert({ type: 'Group', id: volume.id }, 'creating', null);

    const found = await db.workers.handedOver(host);

    assert.deepEqual(
      found.map(({ key }) => key),
      expected,
    );
    assert.deepEqual(
      found.map(({ owner }) => owner?.binary),
      [undefined, 'cinder-scheduler', 'cinder-volume', undefined, undefined, undefined],
    );
    assert.equal(found[2]?.owner?.deleted, true);
  });

  test('claim and read of the resource are one transaction [R-03, database 5.2]', async (t) => {
    const { db, rows } = await bench.open(t);
    const [mine] = await twoServices(db);
    const volume = aNewVolume({ status: 'deleting' });
    await db.volumes.create(volume);

    const claimed = await db.transaction(async (tx) => {
      const claim = await tx.workers.insert({ type: 'Volume', id: volume.id }, 'deleting', mine.id);
      return { claim, status: (await tx.volumes.get(volume.id))?.status };
    });
    await assert.rejects(
      db.transaction(async (tx) => {
        await tx.workers.insert(aKey(), 'creating', mine.id);
        throw new Error('not expected');
      }),
    );

    assert.equal(claimed.status, 'deleting');
    assert.deepEqual(await rows("select resource_id from workers where resource_type = 'Volume'"), [
      { resource_id: volume.id },
    ]);
  });
}
