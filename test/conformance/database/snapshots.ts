import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serviceHost } from '../../../src/objects/host.ts';
import { aNewSnapshot, aNewVolume } from '../../support/database.ts';
import type { DatabaseBench } from '../../support/database-bench.ts';

export function snapshotTableSuite(bench: DatabaseBench): void {
  test('a snapshot comes back with what it was made of [database 3.5, 4]', async (t) => {
    const { db } = await bench.open(t);
    const volume = aNewVolume({ size: 3 });
    await db.volumes.create(volume);
    const snapshot = aNewSnapshot(volume, {
      status: 'creating',
      progress: '0%',
      metadata: { a: 'b' },
      display_name: 'before',
    });

    await db.snapshots.create(snapshot);

    const found = await db.snapshots.get(snapshot.id);
    assert.deepEqual(
      [found?.volume_id, found?.volume_size, found?.status, found?.progress, found?.use_quota, found?.deleted],
      [volume.id, 3, 'creating', '0%', true, false],
    );
    assert.deepEqual(found?.metadata, { a: 'b' });
    assert.equal(found?.volume_type_id, (await db.volumeTypes.default()).id);
    assert.equal(found?.updated_at, null);
    assert.deepEqual(await db.snapshots.named('before'), [found]);
    assert.deepEqual(await db.snapshots.named(snapshot.id), [found]);
    assert.deepEqual(await db.snapshots.ofVolume(volume.id), [found]);
    assert.deepEqual(await db.snapshots.list({ limit: 5 }), [found]);
  });

  test('an update writes its columns while the status is expected, and replaces metadata [database 1.1, 6]', async (t) => {
    const { db, rows } = await bench.open(t);
    const volume = aNewVolume();
    await db.volumes.create(volume);
    const snapshot = aNewSnapshot(volume, { status: 'creating', metadata: { a: '1', b: '2' } });
    await db.snapshots.create(snapshot);

    assert.equal(await db.snapshots.update(snapshot.id, { status: 'error' }, ['deleting']), false);
    assert.equal(
      await db.snapshots.update(snapshot.id, { status: 'available', progress: '100%', metadata: { b: '3' } }, [
        'creating',
      ]),
      true,
    );

    const found = await db.snapshots.get(snapshot.id);
    assert.deepEqual([found?.status, found?.progress, found?.metadata], ['available', '100%', { b: '3' }]);
    assert.ok(found?.updated_at);
    assert.deepEqual(await rows('select "key", value, deleted from snapshot_metadata order by id'), [
      { key: 'a', value: '1', deleted: 1 },
      { key: 'b', value: '3', deleted: 0 },
    ]);
  });

  test('snapshot_destroy buries the row and its metadata, and leaves image properties to their own call [database 4]', async (t) => {
    const { db, rows } = await bench.open(t);
    const volume = aNewVolume({ glance_metadata: { image_id: '1' } });
    await db.volumes.create(volume);
    const snapshot = aNewSnapshot(volume, { metadata: { a: 'b' } });
    await db.snapshots.create(snapshot);
    await db.volumes.copyGlanceMetadata({ volume_id: volume.id }, { snapshot_id: snapshot.id });

    assert.equal(await db.snapshots.destroy(snapshot.id), true);

    const [row] = await rows('select status, deleted, deleted_at, updated_at from snapshots');
    assert.deepEqual([row?.['status'], row?.['deleted'], row?.['updated_at']], ['deleted', 1, null]);
    assert.deepEqual(await rows('select deleted, deleted_at, updated_at from snapshot_metadata'), [
      { deleted: 1, deleted_at: row?.['deleted_at'], updated_at: null },
    ]);
    assert.equal(
      (await rows(`select id from volume_glance_metadata where snapshot_id is not null and deleted = 0`)).length,
      1,
    );
    await db.volumes.removeGlanceMetadata({ snapshot_id: snapshot.id });
    assert.equal(
      (await rows(`select id from volume_glance_metadata where snapshot_id is not null and deleted = 0`)).length,
      0,
    );
    assert.equal(await db.snapshots.destroy(snapshot.id), false);
  });

  test('snapshots of a service are those of its volumes, letter by letter, page by page [database 1.3]', async (t) => {
    const { db, execute } = await bench.open(t);
    const mine: string[] = [];
    for (const host of ['node@nfs_1#p', 'node@nfs-1#p', 'node@nfs_1', null]) {
      const volume = aNewVolume({ host });
      await db.volumes.create(volume);
      for (const status of ['available', 'deleting'] as const) {
        const snapshot = aNewSnapshot(volume, { status });
        await db.snapshots.create(snapshot);
        if (host?.startsWith('node@nfs_1')) mine.push(snapshot.id);
      }
    }
    await execute(
      "insert into snapshots (id, volume_id, volume_type_id, deleted) select 'dead', max(id), 't', 1 from volumes",
    );
    const host = serviceHost('node', 'nfs_1');
    const ids = (snapshots: readonly { id: string }[]): string[] => snapshots.map(({ id }) => id);

    const all = ids(await db.snapshots.ofService(host, { limit: 100 }));
    const [first = ''] = all;

    assert.deepEqual(all, mine.sort());
    assert.deepEqual(ids(await db.snapshots.ofService(host, { limit: 2, after: first })), all.slice(1, 3));
    assert.equal((await db.snapshots.ofService(host, { limit: 100 }, ['deleting'])).length, 2);
    assert.deepEqual(await db.snapshots.ofService(host, { limit: 100 }, []), []);
  });
}
