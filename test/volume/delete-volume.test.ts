import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import { VolumeIsBusy } from '../../src/objects/exceptions.ts';
import { snapshotCodec } from '../../src/objects/snapshot.ts';
import { volumeCodec } from '../../src/objects/volume.ts';
import { snapshotKey, volumeKey } from '../../src/volume/resources.ts';
import { gate } from '../support/endpoint.ts';
import { eventually } from '../support/eventually.ts';
import { aVolume, send, type TestManager, testManager } from '../support/manager.ts';

async function deletion(manager: TestManager, id: string, more: Record<string, unknown> = {}): Promise<unknown> {
  const volume = await manager.db.volumes.get(id);
  return send(manager, 'delete_volume', { volume: volumeCodec.encode(volume ?? { id }), ...more });
}

test('a deleted volume leaves backend, row and claim, and gives its quota back [manager 5, database 7.6]', async () => {
  await using manager = await testManager();
  const volume = aVolume({ status: 'available', size: 7 });
  await manager.db.volumes.create(volume);
  const reserved = await manager.db.quotas.reserve({ volumes: 1, gigabytes: 7 }, 'p1');
  await manager.db.quotas.commit(reserved, 'p1');
  await manager.db.volumes.update(volume.id, { status: 'deleting' });

  await deletion(manager, volume.id);

  assert.equal(await manager.db.volumes.get(volume.id), undefined);
  assert.equal(await manager.db.workers.find(volumeKey(volume.id)), undefined);
  assert.deepEqual(manager.calls, [`removeExport ${volume.id}`, `deleteVolume ${volume.id}`]);
  await assert.rejects(manager.db.quotas.reserve({ gigabytes: 1001 }, 'p1'), { name: 'OverQuota' });
  await manager.db.quotas.reserve({ gigabytes: 993 }, 'p1');
});

test('an attached volume is refused, stays as it is, and its claim goes [manager 5]', async () => {
  await using manager = await testManager();
  const volume = aVolume({ status: 'deleting', attach_status: 'attached' });
  await manager.db.volumes.create(volume);

  await assert.rejects(deletion(manager, volume.id), { name: 'VolumeAttached' });

  assert.equal((await manager.db.volumes.get(volume.id))?.status, 'deleting');
  assert.equal(await manager.db.workers.find(volumeKey(volume.id)), undefined);
  assert.deepEqual(manager.calls, []);
});

test('a busy volume is available again, a failing one is in error_deleting [manager 5, S-14]', async () => {
  const answers = [new VolumeIsBusy({ volume_name: 'v' }), new Error('array is sulking')];
  await using manager = await testManager({
    deleteVolume: async () => {
      throw answers.shift();
    },
  });
  const busy = aVolume({ status: 'deleting' });
  const failing = aVolume({ status: 'deleting' });
  await manager.db.volumes.create(busy);
  await manager.db.volumes.create(failing);

  await deletion(manager, busy.id);
  await assert.rejects(deletion(manager, failing.id), /sulking/);

  assert.equal((await manager.db.volumes.get(busy.id))?.status, 'available');
  assert.equal((await manager.db.volumes.get(failing.id))?.status, 'error_deleting');
});

test('cascade removes the snapshots first, and refuses one that nobody asked to delete [manager 5]', async () => {
  await using manager = await testManager();
  const volume = aVolume({ status: 'deleting' });
  const other = aVolume({ status: 'deleting' });
  const gone = {
    id: randomUUID(),
    volume_id: volume.id,
    volume_size: 1,
    status: 'deleting' as const,
    project_id: 'p1',
  };
  const kept = { id: randomUUID(), volume_id: other.id, volume_size: 1, status: 'available' as const };
  await manager.db.volumes.create(volume);
  await manager.db.volumes.create(other);
  await manager.db.snapshots.create(gone);
  await manager.db.snapshots.create(kept);

  await deletion(manager, volume.id, { cascade: true });
  await assert.rejects(deletion(manager, other.id, { cascade: true }), { name: 'InvalidSnapshot' });

  assert.deepEqual(manager.calls.slice(1, 3), [`deleteSnapshot ${gone.id}`, `deleteVolume ${volume.id}`]);
  assert.equal(await manager.db.snapshots.get(gone.id), undefined);
  assert.equal((await manager.db.volumes.get(other.id))?.status, 'error_deleting');
});

test('a volume that is gone, and a delete by cinder-manage, are both met [R-10]', async () => {
  await using manager = await testManager();
  const byHand = aVolume({ status: 'error' });
  await manager.db.volumes.create(byHand);

  assert.equal(await deletion(manager, randomUUID()), undefined);
  await deletion(manager, byHand.id);

  assert.equal(await manager.db.volumes.get(byHand.id), undefined);
});

test('a delete waits for a clone that reads the volume [manager 13]', async () => {
  let release = (): void => {};
  const copying = new Promise<void>((resolve) => {
    release = resolve;
  });
  await using manager = await testManager({
    createClonedVolume: async () => {
      await copying;
      return {};
    },
  });
  const source = aVolume({ status: 'available' });
  const clone = aVolume({ source_volid: source.id });
  await manager.db.volumes.create(source);
  await manager.db.volumes.create(clone);
  const request_spec = {
    'versioned_object.name': 'RequestSpec',
    'versioned_object.namespace': 'cinder',
    'versioned_object.version': '1.5',
    'versioned_object.data': { source_volid: source.id },
  };
  const cloning = send(manager, 'create_volume', {
    volume: volumeCodec.encode((await manager.db.volumes.get(clone.id)) ?? {}),
    request_spec,
  });
  while (manager.calls.length === 0) await tick();

  await manager.db.volumes.update(source.id, { status: 'deleting' });
  const deleting = deletion(manager, source.id);
  for (let turn = 0; turn < 20; turn++) await tick();
  assert.deepEqual(manager.calls, [`createClonedVolume ${clone.id}`]);
  release();
  await Promise.all([cloning, deleting]);

  assert.deepEqual(manager.calls.slice(1), [`removeExport ${source.id}`, `deleteVolume ${source.id}`]);
});

test('a snapshot that is deleted by itself and with its volume is deleted once, and given back once [R-07, manager 5]', async () => {
  const removing = gate();
  await using manager = await testManager({ deleteSnapshot: () => removing.passed });
  const volume = aVolume({ status: 'available', size: 3 });
  await manager.db.volumes.create(volume);
  const [own, lost] = [randomUUID(), randomUUID()];
  for (const id of [own, lost]) {
    await manager.db.snapshots.create({
      id,
      volume_id: volume.id,
      volume_size: 3,
      project_id: 'p1',
      status: 'deleting',
    });
    await manager.db.workers.handOver(snapshotKey(id), 'deleting');
  }
  const usage = await manager.db.quotas.reserve({ snapshots: 2, gigabytes: 9 }, 'p1');
  await manager.db.quotas.commit(usage, 'p1');
  const snapshot = await manager.db.snapshots.get(own);

  const alone = send(manager, 'delete_snapshot', { snapshot: snapshotCodec.encode({ ...snapshot }) });
  await eventually('it runs', () => manager.calls.length === 1);
  await manager.db.volumes.update(volume.id, { status: 'deleting' });
  const together = deletion(manager, volume.id, { cascade: true });
  await eventually('the cascade has begun', () => manager.calls.includes(`removeExport ${volume.id}`));
  for (let turn = 0; turn < 20; turn++) await tick();
  removing.open();
  await Promise.all([alone, together]);

  assert.deepEqual(
    manager.calls.filter((call) => call.startsWith('deleteSnapshot')).sort(),
    [`deleteSnapshot ${own}`, `deleteSnapshot ${lost}`].sort(),
  );
  for (const id of [own, lost]) assert.equal(await manager.db.workers.find(snapshotKey(id)), undefined);
});
