import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serviceHost } from '../../../src/objects/host.ts';
import { aNewService, aNewSnapshot, aNewVolume } from '../../support/database.ts';
import type { DatabaseBench } from '../../support/database-bench.ts';

export function volumeTableSuite(bench: DatabaseBench): void {
  const host = serviceHost('node', 'file');

  test('a volume comes back with what it was made of, and with what upstream fills in [database 3.1, 4]', async (t) => {
    const { db, rows } = await bench.open(t);
    const service = await db.services.register(aNewService());
    const volume = aNewVolume({
      display_name: 'demo',
      service_uuid: service.uuid,
      metadata: { a: 'b', __proto__2: 'c' },
      admin_metadata: { create_request: 'raw' },
      glance_metadata: { image_name: 'cirros' },
      scheduled_at: service.created_at,
    });

    await db.volumes.create(volume);

    const found = await db.volumes.get(volume.id);
    assert.equal(found?.display_name, 'demo');
    assert.deepEqual(found?.metadata, { a: 'b', __proto__2: 'c' });
    assert.deepEqual(found?.admin_metadata, { create_request: 'raw' });
    assert.deepEqual(found?.volume_attachment, { objects: [] });
    assert.equal(found?.volume_type?.name, '__DEFAULT__');
    assert.deepEqual(found?.volume_type?.extra_specs, {});
    assert.equal(found?.scheduled_at, service.created_at);
    assert.deepEqual(
      [found?.bootable, found?.multiattach, found?.use_quota, found?.shared_targets, found?.deleted],
      [false, false, true, true, false],
    );
    assert.equal(found?.updated_at, null);
    assert.ok(found?.created_at);
    assert.deepEqual(await rows('select volume_id, "key", value, deleted from volume_glance_metadata'), [
      { volume_id: volume.id, key: 'image_name', value: 'cirros', deleted: 0 },
    ]);
  });

  test('metadata may have any key that a user can think of [database 3.3]', async (t) => {
    const { db } = await bench.open(t);
    const metadata = Object.fromEntries([
      ['__proto__', 'x'],
      ['constructor', 'y'],
      ['', 'z'],
      ["o'hara; --", 'ü\u6F22'],
    ]);
    const volume = aNewVolume({ metadata });

    await db.volumes.create(volume);

    const found = await db.volumes.get(volume.id);
    assert.deepEqual(Object.entries(found?.metadata ?? {}).sort(), Object.entries(metadata).sort());
  });

  test('a volume whose type is unknown, deleted or from before integers reads as upstream reads it [database 1.1, objects 4]', async (t) => {
    const { db, execute } = await bench.open(t);
    const volume = aNewVolume();
    await db.volumes.create(volume);
    await execute(
      `update volumes set size = null, volume_type_id = 'gone', status = null, created_at = '2020-01-02 03:04:05'`,
    );

    const found = await db.volumes.get(volume.id);

    assert.equal(found?.size, 0);
    assert.equal(found?.status, '');
    assert.equal(found?.volume_type, null);
    assert.equal(found?.volume_type_id, 'gone');
    assert.equal(found?.created_at, '2020-01-02T03:04:05.000000');
  });

  test('an update writes its columns and updated_at, only while the status is expected [database 1.1, 6]', async (t) => {
    const { db, rows } = await bench.open(t);
    const volume = aNewVolume({ status: 'creating' });
    await db.volumes.create(volume);
    const look = async (): Promise<Readonly<Record<string, unknown>> | undefined> =>
      (await rows('select status, size, updated_at from volumes'))[0];

    assert.equal(await db.volumes.update(volume.id, { status: 'available', size: 2 }, ['deleting', 'error']), false);
    assert.equal(await db.volumes.update(volume.id, { status: 'available', size: 2 }, []), false);
    assert.deepEqual(await look(), { status: 'creating', size: 1, updated_at: null });

    assert.equal(await db.volumes.update(volume.id, { status: 'available', size: 2 }, ['creating', 'error']), true);
    assert.equal((await look())?.['status'], 'available');
    assert.match(String((await look())?.['updated_at']), /^\d{4}-/);
    assert.equal(await db.volumes.update('unknown', { size: 3 }), false);
  });

  test('metadata is replaced as a whole: gone is deleted, changed is changed, the same is left alone [database 3.3]', async (t) => {
    const { db, rows } = await bench.open(t);
    const volume = aNewVolume({ metadata: { gone: '1', changed: '2', same: '3' } });
    await db.volumes.create(volume);

    await db.volumes.update(volume.id, { metadata: { changed: 'two', same: '3', added: '4' } });
    assert.equal(await db.volumes.update(volume.id, { metadata: {} }, ['error']), false);

    assert.deepEqual((await db.volumes.get(volume.id))?.metadata, { changed: 'two', same: '3', added: '4' });
    const table = await rows(
      'select "key", value, deleted, updated_at is null as never from volume_metadata order by id',
    );
    assert.deepEqual(table, [
      { key: 'gone', value: '1', deleted: 1, never: 0 },
      { key: 'changed', value: 'two', deleted: 0, never: 0 },
      { key: 'same', value: '3', deleted: 0, never: 1 },
      { key: 'added', value: '4', deleted: 0, never: 1 },
    ]);
  });

  test('admin metadata is set and removed key by key [database 3.3]', async (t) => {
    const { db, rows } = await bench.open(t);
    const volume = aNewVolume({ admin_metadata: { readonly: 'False' } });
    await db.volumes.create(volume);

    await db.volumes.setAdminMetadata(volume.id, 'attached_mode', 'rw');
    await db.volumes.setAdminMetadata(volume.id, 'readonly', 'True');
    assert.deepEqual((await db.volumes.get(volume.id))?.admin_metadata, { readonly: 'True', attached_mode: 'rw' });

    await db.volumes.removeAdminMetadata(volume.id, 'attached_mode');
    await db.volumes.removeAdminMetadata(volume.id, 'attached_mode');
    assert.deepEqual((await db.volumes.get(volume.id))?.admin_metadata, { readonly: 'True' });
    assert.equal((await rows('select id from volume_admin_metadata')).length, 2);
  });

  test('volume_destroy buries the volume and what belongs to it, statuses and updated_at as upstream leaves them [database 4]', async (t) => {
    const { db, execute, rows } = await bench.open(t);
    const volume = aNewVolume({
      status: 'deleting',
      migration_status: 'success',
      metadata: { a: 'b' },
      admin_metadata: { c: 'd' },
      glance_metadata: { e: 'f' },
    });
    const other = aNewVolume({ metadata: { a: 'b' } });
    await db.volumes.create(volume);
    await db.volumes.create(other);
    const snapshot = aNewSnapshot(volume, { status: 'deleting' });
    await db.snapshots.create(snapshot);
    await db.attachments.create({ id: 'attachment', volume_id: volume.id, attach_status: 'reserved' });
    await execute(`insert into transfers (id, volume_id, deleted) values ('transfer', '${volume.id}', 0)`);

    assert.equal(await db.volumes.destroy(volume.id), true);

    const [row] = await rows(
      `select status, deleted, deleted_at, updated_at, migration_status from volumes where id = '${volume.id}'`,
    );
    assert.deepEqual(
      [row?.['status'], row?.['deleted'], row?.['updated_at'], row?.['migration_status']],
      ['deleted', 1, null, null],
    );
    for (const table of [
      'volume_metadata',
      'volume_admin_metadata',
      'snapshots',
      'transfers',
      'volume_glance_metadata',
      'volume_attachment',
    ]) {
      assert.deepEqual(
        await rows(`select deleted, deleted_at, updated_at from ${table} where volume_id = '${volume.id}'`),
        [{ deleted: 1, deleted_at: row?.['deleted_at'], updated_at: null }],
        table,
      );
    }
    assert.deepEqual(await rows('select status from snapshots'), [{ status: 'deleting' }]);
    assert.deepEqual(await rows('select attach_status from volume_attachment'), [{ attach_status: 'reserved' }]);
    assert.equal(await db.volumes.get(volume.id), undefined);
    assert.equal(await db.snapshots.get(snapshot.id), undefined);
    assert.equal(await db.volumes.destroy(volume.id), false);
    assert.deepEqual((await db.volumes.get(other.id))?.metadata, { a: 'b' });
  });

  test('volumes of a service are those whose host is its own, letter by letter [database 1.3, manager 2.6]', async (t) => {
    const { db } = await bench.open(t);
    const nfs = serviceHost('node', 'nfs_1');
    const hosts = [
      'node@nfs_1',
      'node@nfs_1#pool',
      'node@nfs-1#pool',
      'node@NFS_1#pool',
      'node@nfs_10#pool',
      'node@nfs_1@x',
      'node@nfs_1%',
      'nodeXnfs_1#pool',
    ];
    for (const where of hosts) await db.volumes.create(aNewVolume({ host: where, size: 2 }));
    await db.volumes.create(aNewVolume({ host: null }));
    await db.volumes.create(aNewVolume({ host: 'node@nfs_1#pool', status: 'error', size: 5 }));

    const found = await db.volumes.ofService(nfs, { limit: 100 });
    const available = await db.volumes.ofService(nfs, { limit: 100 }, ['available', 'in-use']);

    assert.deepEqual(found.map((volume) => volume.host).sort(), ['node@nfs_1', 'node@nfs_1#pool', 'node@nfs_1#pool']);
    assert.equal(available.length, 2);
    assert.deepEqual(await db.volumes.ofService(nfs, { limit: 100 }, []), []);
    assert.deepEqual(await db.volumes.usage(nfs), [
      { host: 'node@nfs_1', count: 1, size: 2 },
      { host: 'node@nfs_1#pool', count: 2, size: 7 },
    ]);
    assert.deepEqual(await db.volumes.usage(nfs, ['error']), [{ host: 'node@nfs_1#pool', count: 1, size: 5 }]);
    assert.deepEqual(await db.volumes.usage(serviceHost('other', 'file')), []);
  });

  test('hosts that own volumes are told at the level of the service [database 1.3, O-22d]', async (t) => {
    const { db } = await bench.open(t);
    for (const where of ['node@a#p', 'node@a#q', 'node@a', 'node', null])
      await db.volumes.create(aNewVolume({ host: where }));

    assert.deepEqual(await db.volumes.serviceHosts(), [
      { host: 'node', count: 1 },
      { host: 'node@a', count: 3 },
    ]);
  });

  test('pages go through all volumes once, in the order of their ids [database 3.1]', async (t) => {
    const { db } = await bench.open(t);
    const ids = Array.from({ length: 25 }, () => aNewVolume().id).sort();
    for (const id of ids) await db.volumes.create(aNewVolume({ id, host: `${host}#p`, metadata: { id } }));
    const paged = async (
      page: (after: string | undefined) => Promise<readonly { id: string }[]>,
    ): Promise<string[]> => {
      const seen: string[] = [];
      for (;;) {
        const volumes = await page(seen.at(-1));
        if (volumes.length === 0) return seen;
        seen.push(...volumes.map(({ id }) => id));
      }
    };
    const from = (after: string | undefined) => ({ limit: 7, ...(after === undefined ? {} : { after }) });

    assert.deepEqual(await paged((after) => db.volumes.list(from(after))), ids);
    assert.deepEqual(await paged((after) => db.volumes.ofService(host, from(after))), ids);
    for (const volume of await db.volumes.list({ limit: 25 })) assert.deepEqual(volume.metadata, { id: volume.id });
  });

  test('a volume is found by its id before any name [database 3.1, ecosystem 3.3]', async (t) => {
    const { db } = await bench.open(t);
    const one = aNewVolume({ display_name: 'twin' });
    const two = aNewVolume({ display_name: 'twin' });
    const impostor = aNewVolume({ display_name: one.id });
    for (const volume of [one, two, impostor]) await db.volumes.create(volume);
    const named = async (name: string): Promise<string[]> => (await db.volumes.named(name)).map(({ id }) => id);

    assert.deepEqual(await named('twin'), [one.id, two.id].sort());
    assert.deepEqual(await named(one.id), [one.id]);
    assert.deepEqual(await named('Twin'), []);
  });

  test('image properties are copied from a bootable source, live ones only [database 3.3]', async (t) => {
    const { db, rows } = await bench.open(t);
    const source = aNewVolume({ glance_metadata: { image_id: '1', min_ram: '512' } });
    const copy = aNewVolume();
    const plain = aNewVolume();
    for (const volume of [source, copy, plain]) await db.volumes.create(volume);
    const snapshot = aNewSnapshot(source);
    await db.snapshots.create(snapshot);

    assert.equal(await db.volumes.copyGlanceMetadata({ volume_id: source.id }, { snapshot_id: snapshot.id }), true);
    await db.volumes.removeGlanceMetadata({ volume_id: source.id });
    assert.equal(await db.volumes.copyGlanceMetadata({ volume_id: source.id }, { volume_id: plain.id }), false);
    assert.equal(await db.volumes.copyGlanceMetadata({ snapshot_id: snapshot.id }, { volume_id: copy.id }), true);

    const of = (column: string, id: string): Promise<readonly unknown[]> =>
      rows(`select "key", value from volume_glance_metadata where ${column} = '${id}' and deleted = 0 order by "key"`);
    const expected = [
      { key: 'image_id', value: '1' },
      { key: 'min_ram', value: '512' },
    ];
    assert.deepEqual(await of('snapshot_id', snapshot.id), expected);
    assert.deepEqual(await of('volume_id', copy.id), expected);
    assert.deepEqual(await of('volume_id', source.id), []);
    assert.deepEqual(await of('volume_id', plain.id), []);
  });

  test('the status settles by what is attached [database 4]', async (t) => {
    const { db } = await bench.open(t);
    const volume = aNewVolume({ status: 'uploading' });
    await db.volumes.create(volume);

    await db.volumes.settleStatus(volume.id);
    assert.equal((await db.volumes.get(volume.id))?.status, 'available');
    await db.attachments.create({ id: 'a', volume_id: volume.id, attach_status: 'attached' });
    await db.volumes.settleStatus(volume.id);
    assert.equal((await db.volumes.get(volume.id))?.status, 'in-use');
    assert.equal(await db.volumes.settleStatus('unknown'), false);
  });

  test('a restore in progress can be seen from its volume [manager 2.3]', async (t) => {
    const { db, execute } = await bench.open(t);
    await execute(
      `insert into backups (id, volume_id, status, restore_volume_id, deleted) values ('b', 'v', 'restoring', 'target', 0), ('c', 'v', 'available', 'done', 0)`,
    );

    assert.equal(await db.volumes.restoredFromBackup('target'), true);
    assert.equal(await db.volumes.restoredFromBackup('done'), false);
  });

  test('a transaction counts as a whole, across tables [database 4]', async (t) => {
    const { db, rows } = await bench.open(t);
    const volume = aNewVolume({ status: 'creating' });

    const id = await db.transaction(async (tx) => {
      await tx.volumes.create(volume);
      await tx.workers.handOver({ type: 'Volume', id: volume.id }, 'creating');
      return (await tx.volumes.get(volume.id))?.id;
    });
    assert.equal(id, volume.id);
    await assert.rejects(
      db.transaction(async (tx) => {
        await tx.volumes.destroy(volume.id);
        throw new Error('oops');
      }),
      /oops/,
    );

    assert.deepEqual(await rows('select status from volumes'), [{ status: 'creating' }]);
    assert.equal((await rows("select id from workers where resource_type = 'Volume'")).length, 1);
  });
}
