import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseUtcTime } from '../../../src/base/time.ts';
import type { ImageCacheEntry } from '../../../src/interface/image-cache-table.ts';
import type { DatabaseBench } from '../../support/database-bench.ts';
import { aVolume } from '../../support/manager.ts';

const owner = { host: 'node1@lvm#pool', cluster_name: null };

function anEntry(changes: Partial<ImageCacheEntry>): ImageCacheEntry {
  const image_updated_at = parseUtcTime('2026-11-01T12:00:00Z') ?? null;
  return { image_id: 'i1', image_updated_at, volume_id: 'v1', size: 2, ...owner, ...changes };
}

export function imageCacheTableSuite(bench: DatabaseBench): void {
  test('a lookup gives the entry of that pool that was used last, and it counts as used [database 3.10]', async (t) => {
    const { db } = await bench.open(t);
    await db.imageCache.create(anEntry({ volume_id: 'v1' }));
    await db.imageCache.create(anEntry({ volume_id: 'v2', image_id: 'i2' }));
    await db.imageCache.create(anEntry({ volume_id: 'other', host: 'node1@lvm#pool2' }));

    await bench.nextMoment();
    const found = await db.imageCache.use('i1', owner);

    assert.deepEqual(found, anEntry({ volume_id: 'v1' }));
    assert.deepEqual(
      (await db.imageCache.list(owner)).map(({ volume_id }) => volume_id),
      ['v1', 'v2'],
    );
    assert.equal(await db.imageCache.use('i3', owner), undefined);
  });

  test('in a cluster the cluster owns the entries, and a removed one is really gone [database 3.10, database 1.2]', async (t) => {
    const { db, rows } = await bench.open(t);
    await db.imageCache.create(anEntry({ host: 'node2@lvm#pool', cluster_name: 'c@lvm#pool' }));

    const found = await db.imageCache.use('i1', { host: 'node1@lvm#pool', cluster_name: 'c@lvm#pool' });
    const removed = [await db.imageCache.remove('v1'), await db.imageCache.remove('v1')];

    assert.equal(found?.volume_id, 'v1');
    assert.deepEqual(removed, [true, false]);
    assert.deepEqual(await rows('select * from image_volume_cache_entries'), []);
  });

  test('image properties are replaced as a whole, the old rows softly deleted [database 3.3]', async (t) => {
    const { db, rows } = await bench.open(t);
    const volume = aVolume({ glance_metadata: { image_id: 'old', os: 'x' } });
    await db.volumes.create(volume);

    await db.volumes.replaceGlanceMetadata({ volume_id: volume.id }, { image_id: 'new', min_disk: '0' });

    assert.deepEqual(await db.volumes.glanceMetadata({ volume_id: volume.id }), { image_id: 'new', min_disk: '0' });
    const told = await db.volumes.glanceMetadataRows({ volume_id: volume.id });
    assert.deepEqual(
      told.map(({ volume_id, snapshot_id, key, value, deleted }) => [volume_id, snapshot_id, key, value, deleted]),
      [
        [volume.id, null, 'image_id', 'new', false],
        [volume.id, null, 'min_disk', '0', false],
      ],
    );
    assert.deepEqual(
      (await rows('select "key", deleted from volume_glance_metadata order by id')).map(({ key, deleted }) => [
        key,
        deleted,
      ]),
      [
        ['image_id', 1],
        ['os', 1],
        ['image_id', 0],
        ['min_disk', 0],
      ],
    );
  });
}
