import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serviceHost } from '../../../src/objects/host.ts';
import { aNewService } from '../../support/database.ts';
import type { DatabaseBench } from '../../support/database-bench.ts';

export function serviceTableSuite(bench: DatabaseBench): void {
  test('a service that starts for the first time gets a row as upstream makes it [database 2.1]', async (t) => {
    const { db, rows } = await bench.open(t);

    const service = await db.services.register(aNewService({ disabled: true }));

    const [row] = await rows('select * from services');
    assert.match(String(row?.['uuid']), /^[0-9a-f-]{36}$/);
    assert.equal(row?.['created_at'], row?.['updated_at']);
    assert.match(String(row?.['updated_at']), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/);
    const { created_at, updated_at, uuid, ...columns } = row ?? {};
    assert.deepEqual(columns, {
      id: 1,
      host: 'node@file',
      binary: 'cinder-volume',
      topic: 'cinder-volume',
      report_count: 0,
      disabled: 1,
      availability_zone: 'nova',
      disabled_reason: null,
      modified_at: null,
      rpc_current_version: '3.20',
      object_current_version: '1.39',
      replication_status: 'not-capable',
      frozen: 0,
      active_backend_id: null,
      cluster_name: null,
      deleted: 0,
      deleted_at: null,
    });
    assert.equal(service.updated_at, String(updated_at).replace(' ', 'T'));
    assert.deepEqual(await db.services.get(service.id), service);
  });

  test('a service that starts again finds its row and sets its versions, only when they differ [database 2.1]', async (t) => {
    const { db, rows } = await bench.open(t);
    const first = await db.services.register(aNewService());
    const before = await rows('select * from services');

    const same = await db.services.register(aNewService({ availability_zone: 'elsewhere', disabled: true }));
    assert.deepEqual(same, first);
    assert.deepEqual(await rows('select * from services'), before);

    await bench.nextMoment();
    const newer = await db.services.register(aNewService({ rpc_current_version: '3.19' }));
    assert.equal(newer.id, first.id);
    const [row] = await rows('select rpc_current_version, availability_zone, updated_at from services');
    assert.equal(row?.['rpc_current_version'], '3.19');
    assert.equal(row?.['availability_zone'], 'nova');
    assert.notEqual(row?.['updated_at'], before[0]?.['updated_at']);
  });

  test('a heartbeat counts, carries the zone and moves updated_at; it says when the row is gone [database 2.1, L-125, L-127]', async (t) => {
    const { db, execute, rows } = await bench.open(t);
    const { id, updated_at } = await db.services.register(aNewService());

    await bench.nextMoment();
    assert.equal(await db.services.reportState(id, 'zone-2'), true);
    assert.equal(await db.services.reportState(id, 'zone-2'), true);
    const service = await db.services.get(id);
    assert.equal(service?.report_count, 2);
    assert.equal(service?.availability_zone, 'zone-2');
    assert.ok(String(service?.updated_at) > String(updated_at));

    await execute('update services set deleted = 1');
    assert.equal(await db.services.reportState(id, 'zone-2'), false);
    assert.notEqual((await db.services.register(aNewService())).id, id);
    assert.deepEqual(await rows('select report_count from services order by id'), [
      { report_count: 2 },
      { report_count: 0 },
    ]);
  });

  test('a switch of an administrator sets modified_at and is no heartbeat; other changes are [database 1.1, 2.1]', async (t) => {
    const { db, rows } = await bench.open(t);
    const { id } = await db.services.register(aNewService());
    const look = async (): Promise<Readonly<Record<string, unknown>> | undefined> =>
      (await rows('select updated_at, modified_at from services'))[0];
    const before = await look();

    assert.equal(await db.services.update(id, { disabled: true, disabled_reason: 'full' }), true);
    const switched = await look();
    assert.equal(switched?.['updated_at'], before?.['updated_at']);
    assert.ok(switched?.['modified_at']);

    await bench.nextMoment();
    assert.equal(await db.services.update(id, { replication_status: 'disabled' }), true);
    const changed = await look();
    assert.notEqual(changed?.['updated_at'], before?.['updated_at']);
    assert.equal(changed?.['modified_at'], switched?.['modified_at']);

    const service = await db.services.get(id);
    assert.deepEqual(
      [service?.disabled, service?.disabled_reason, service?.replication_status],
      [true, 'full', 'disabled'],
    );
    assert.equal(await db.services.update(99, { disabled: true }), false);
  });

  test('a service is found by its exact host and binary, the oldest of several, deleted ones never [database 1.3, 2.1]', async (t) => {
    const { db, execute, rows } = await bench.open(t);
    const mine = await db.services.register(aNewService({ host: serviceHost('node', 'nfs_1') }));
    await db.services.register(aNewService({ host: serviceHost('node', 'nfs-1') }));
    await db.services.register(aNewService({ host: serviceHost('node', 'NFS_1') }));
    await db.services.register(aNewService({ host: serviceHost('node', 'nfs_1'), binary: 'cinder-backup' }));
    await execute(
      `insert into services (host, "binary", report_count, deleted) values ('node@nfs_1', 'cinder-volume', 0, 0)`,
    );
    await execute(
      `insert into services (host, "binary", report_count, deleted) values ('node@gone', 'cinder-volume', 0, 1)`,
    );

    assert.equal((await db.services.find('node@nfs_1', 'cinder-volume'))?.id, mine.id);
    assert.equal(await db.services.find('node@nfs', 'cinder-volume'), undefined);
    assert.equal(await db.services.find('node@gone', 'cinder-volume'), undefined);
    assert.equal((await db.services.list()).length, 5);
    const gone = await rows(`select id from services where host = 'node@gone'`);
    assert.equal(await db.services.get(Number(gone[0]?.['id'])), undefined);
  });

  test('two processes that register one host get one row [database 2.1]', async (t) => {
    const { db, again } = await bench.open(t);
    const other = { db: await again() };

    const services = await Promise.all([
      db.services.register(aNewService()),
      other.db.services.register(aNewService()),
    ]);

    assert.equal(services[0]?.id, services[1]?.id);
    assert.equal((await db.services.list()).length, 1);
  });

  test('the first service of a cluster makes it, the next takes over its replication columns [database 2.2]', async (t) => {
    const { db, execute, rows } = await bench.open(t);
    const cluster_name = 'cluster@file';
    const clustered = (node: string) => aNewService({ host: serviceHost(node, 'file'), cluster_name });

    const first = await db.services.register(clustered('one'));
    const columns = 'name, "binary", disabled, race_preventer, replication_status, active_backend_id, frozen, deleted';
    assert.deepEqual(await rows(`select ${columns} from clusters`), [
      {
        name: cluster_name,
        binary: 'cinder-volume',
        disabled: 0,
        race_preventer: 0,
        replication_status: 'not-capable',
        active_backend_id: null,
        frozen: 0,
        deleted: 0,
      },
    ]);
    await execute("update clusters set replication_status = 'failed-over', active_backend_id = 'b', frozen = 1");
    const second = await db.services.register(clustered('two'));
    const joined = await db.services.register(aNewService({ host: serviceHost('three', 'file') }));
    const later = await db.services.register(clustered('three'));
    const kept = await db.services.register({ ...clustered('two'), cluster_name: 'other@file' });

    assert.equal(first.cluster_name, cluster_name);
    for (const service of [second, later, kept]) {
      assert.deepEqual(
        [service.cluster_name, service.replication_status, service.active_backend_id, service.frozen],
        [cluster_name, 'failed-over', 'b', true],
      );
    }
    assert.equal(later.id, joined.id);
    assert.deepEqual(await db.services.get(later.id), later);
    assert.equal((await rows('select id from clusters')).length, 1);
  });
}
