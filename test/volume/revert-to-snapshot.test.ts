import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { DataPlace } from '../../src/interface/data-copier.ts';
import type { StorageDriver } from '../../src/interface/driver-features.ts';
import { snapshotCodec } from '../../src/objects/snapshot.ts';
import { volumeCodec } from '../../src/objects/volume.ts';
import { cleanUp } from '../../src/volume/cleanup.ts';
import { HandoverWatch } from '../../src/volume/handover.ts';
import { volumeKey } from '../../src/volume/resources.ts';
import { aVolume, send, type TestManager, testManager } from '../support/manager.ts';

const never = new AbortController().signal;

async function reverting(manager: TestManager, snapshotStatus: 'restoring' | 'available' = 'restoring') {
  const volume = aVolume({ status: 'reverting' });
  const snapshot = { id: randomUUID(), volume_id: volume.id, volume_size: 1, status: snapshotStatus };
  await manager.db.volumes.create(volume);
  await manager.db.snapshots.create(snapshot);
  const message = {
    volume: volumeCodec.encode({ id: volume.id }),
    snapshot: snapshotCodec.encode({ id: snapshot.id }),
  };
  const now = async () => [
    (await manager.db.volumes.get(volume.id))?.status,
    (await manager.db.snapshots.get(snapshot.id))?.status,
  ];
  return { volume, snapshot, message, now };
}

test('a driver that reverts is asked to, behind a snapshot of the state before, which then goes [manager 6.3]', async () => {
  await using manager = await testManager({ revertToSnapshot: async () => {} });
  const { volume, snapshot, message, now } = await reverting(manager);

  await send(manager, 'revert_to_snapshot', message);

  assert.deepEqual(await now(), ['available', 'available']);
  const [create, revert, remove, ...more] = manager.calls;
  assert.match(create ?? '', /^createSnapshot /);
  assert.equal(revert, `revertToSnapshot ${volume.id}`);
  assert.equal(remove, create?.replace('create', 'delete'));
  assert.deepEqual(more, []);
  assert.deepEqual(
    (await manager.db.snapshots.ofVolume(volume.id)).map(({ id }) => id),
    [snapshot.id],
  );
  assert.deepEqual(await manager.db.workers.ofService(manager.service.id), []);
});

test('a driver may do without the snapshot before [manager 6.3]', async () => {
  await using manager = await testManager({
    revertToSnapshot: async () => {},
    snapshotRevertUseTempSnapshot: () => false,
  });
  const { volume, message } = await reverting(manager);

  await send(manager, 'revert_to_snapshot', message);

  assert.deepEqual(manager.calls, [`revertToSnapshot ${volume.id}`]);
});

test('where the driver cannot, the data are copied over from a volume that is made for it and goes again [manager 6.3]', async () => {
  const copied: DataPlace[][] = [];
  const answers: Partial<StorageDriver> = {
    withLocalPath: async ({ id }, { write }, body) => body(`/volumes/${id} ${write}`, 'raw'),
  };
  await using manager = await testManager(answers, {
    copier: {
      copy: async (from, to) => void copied.push([from, to]),
      reach: async () => ({ path: '', format: 'raw' }),
    },
  });
  const { volume, message, now } = await reverting(manager);

  await send(manager, 'revert_to_snapshot', message);

  assert.deepEqual(await now(), ['available', 'available']);
  const made = manager.calls.find((call) => call.startsWith('createVolumeFromSnapshot '))?.split(' ')[1];
  assert.deepEqual(copied, [
    [
      { path: `/volumes/${made} false`, format: 'raw' },
      { path: `/volumes/${volume.id} true`, format: 'raw' },
    ],
  ]);
  assert.ok(manager.calls.includes(`deleteVolume ${made}`));
  assert.equal(await manager.db.volumes.get(made ?? ''), undefined);
  assert.deepEqual(await manager.db.workers.ofService(manager.service.id), []);
});

test('a revert that fails leaves the volume in error, the snapshot available, and the state before in a snapshot [manager 6.3]', async () => {
  await using manager = await testManager({
    revertToSnapshot: async () => {
      throw new Error('disk full');
    },
  });
  const { volume, snapshot, message, now } = await reverting(manager);

  await assert.rejects(send(manager, 'revert_to_snapshot', message), /disk full/);

  assert.deepEqual(await now(), ['error', 'available']);
  const before = (await manager.db.snapshots.ofVolume(volume.id)).find(({ id }) => id !== snapshot.id);
  assert.deepEqual(
    [before?.status, before?.display_name, before?.use_quota],
    ['available', `[revert] volume ${volume.id} backup snapshot`, false],
  );
});

test('a status that somebody changed meanwhile is told [manager 6.3]', async () => {
  await using manager = await testManager({ revertToSnapshot: async () => {} });
  const { volume, message } = await reverting(manager, 'available');

  await assert.rejects(send(manager, 'revert_to_snapshot', message), {
    name: 'BadResetResourceStatus',
    message: /failed to reset snapshot /,
  });

  assert.equal((await manager.db.volumes.get(volume.id))?.status, 'available');
});

test('a revert that a crash cut off fails, and its temporary volume goes [manager 2.3]', async () => {
  await using manager = await testManager();
  const { volume, snapshot, now } = await reverting(manager);
  const display_name = `[revert] temporary volume created from snapshot ${snapshot.id}`;
  const copy = aVolume({ status: 'in-use', use_quota: false, snapshot_id: snapshot.id, display_name });
  await manager.db.volumes.create(copy);
  await manager.db.workers.insert(volumeKey(volume.id), 'reverting', manager.service.id);

  await cleanUp(manager, { alone: true }, never);

  assert.deepEqual(await now(), ['error', 'available']);
  assert.deepEqual(manager.calls, [`deleteVolume ${copy.id}`]);
  assert.equal(await manager.db.volumes.get(copy.id), undefined);
});

test('a revert whose message is lost is made from the rows [manager 2.6]', async () => {
  await using manager = await testManager({ revertToSnapshot: async () => {} });
  manager.settings = { ...manager.settings, handover_grace: 0.000001 };
  const asked = await reverting(manager);
  const odd = await reverting(manager, 'available');
  const watch = new HandoverWatch(manager, { breaks: () => 0, isEmpty: async () => true });

  await watch.look(true, never);
  await watch.look(true, never);

  assert.deepEqual(await asked.now(), ['available', 'available']);
  assert.deepEqual(await odd.now(), ['error', 'available']);
});
