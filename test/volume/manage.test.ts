import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { StorageDriver } from '../../src/interface/driver-features.ts';
import type { ManageableVolume } from '../../src/interface/volume-driver.ts';
import { contextFor } from '../../src/objects/context.ts';
import { snapshotCodec } from '../../src/objects/snapshot.ts';
import { volumeCodec } from '../../src/objects/volume.ts';
import { cleanUp } from '../../src/volume/cleanup.ts';
import { volumeEndpoint } from '../../src/volume/endpoint.ts';
import { snapshotKey } from '../../src/volume/resources.ts';
import { aVolume, levels, send, type TestManager, testManager } from '../support/manager.ts';

const ref = { 'source-name': 'existing' };

function entry(given: Partial<ManageableVolume> = {}): ManageableVolume {
  const free = { safe_to_manage: true, reason_not_safe: null, cinder_id: null, extra_info: null };
  return { reference: ref, size: 3, ...free, ...given };
}

function takingIn(answers: Partial<StorageDriver> = {}): Partial<StorageDriver> {
  return {
    manageExisting: async () => ({ provider_id: 'taken' }),
    manageExistingGetSize: async () => 3,
    manageExistingSnapshot: async () => ({ provider_id: 'taken' }),
    manageExistingSnapshotGetSize: async () => 5,
    ...answers,
  };
}

async function managing(manager: TestManager): Promise<string> {
  const volume = aVolume({ status: 'managing', size: 0 });
  await manager.db.volumes.create(volume);
  return volume.id;
}

/** Usage of the project's gigabytes, as a reservation of nothing shows it. */
async function gigabytes(manager: TestManager): Promise<{ in_use: number; reserved: number }> {
  try {
    await manager.db.quotas.reserve({ gigabytes: 1_000_000 }, 'p1');
    throw new Error('there is no limit');
  } catch (error) {
    const usage = (error as { usages: Record<string, { in_use: number; reserved: number }> }).usages['gigabytes'];
    assert.ok(usage);
    return { in_use: usage.in_use, reserved: usage.reserved };
  }
}

const message = (id: string) => ({ volume: volumeCodec.encode({ id }), ref });

test('what is taken in has its real size, counts for it, and is available [manager 10.1]', async () => {
  await using manager = await testManager(takingIn());
  const id = await managing(manager);
  const before = await gigabytes(manager);

  await send(manager, 'manage_existing', message(id));

  const volume = await manager.db.volumes.get(id);
  assert.deepEqual([volume?.status, volume?.size, volume?.provider_id], ['available', 3, 'taken']);
  assert.ok(volume?.launched_at);
  assert.deepEqual(manager.calls, [`manageExistingGetSize ${id}`, `manageExisting ${id}`]);
  assert.deepEqual(await gigabytes(manager), { in_use: before.in_use + 3, reserved: 0 });
  assert.deepEqual(await manager.db.workers.ofService(manager.service.id), []);
});

test('what cannot be taken in ends in error_managing, and its reservation is given back [manager 10.1]', async () => {
  await using manager = await testManager(
    takingIn({
      manageExisting: async () => {
        throw new Error('it is in use');
      },
    }),
  );
  await using unable = await testManager();
  const id = await managing(manager);
  const other = await managing(unable);
  const before = await gigabytes(manager);

  await assert.rejects(send(manager, 'manage_existing', message(id)), /it is in use/);
  await assert.rejects(send(unable, 'manage_existing', message(other)), { name: 'ManageExistingInvalidReference' });

  assert.equal((await manager.db.volumes.get(id))?.status, 'error_managing');
  assert.equal((await unable.db.volumes.get(other))?.status, 'error_managing');
  assert.deepEqual(await gigabytes(manager), before);
});

test('what is larger than the quota allows is refused before it is touched [manager 10.1]', async () => {
  await using manager = await testManager(takingIn({ manageExistingGetSize: async () => 5000 }));
  const id = await managing(manager);

  await assert.rejects(send(manager, 'manage_existing', message(id)), {
    name: 'VolumeSizeExceedsAvailableQuota',
    message: /Requested 5000G, quota is 1000G and 0G has been consumed\.$/,
  });

  assert.ok(!manager.calls.includes(`manageExisting ${id}`));
});

test('what a row of ours names already is not taken twice [manager 10.1]', async () => {
  await using manager = await testManager(
    takingIn({ getManageableVolumes: async () => [entry({ cinder_id: randomUUID(), safe_to_manage: false })] }),
  );
  const id = await managing(manager);

  await assert.rejects(send(manager, 'manage_existing', message(id)), {
    name: 'ManageExistingAlreadyManaged',
    message: "Unable to manage existing volume. Volume {'source-name': 'existing'} already managed.",
  });
});

async function aManagedSnapshot(manager: TestManager) {
  const volume = aVolume({ status: 'available', size: 4 });
  const id = randomUUID();
  await manager.db.volumes.create(volume);
  await manager.db.snapshots.create({ id, volume_id: volume.id, volume_size: 4, status: 'creating' });
  return { id, args: { snapshot: snapshotCodec.encode({ id }), ref } };
}

test('a snapshot that is taken in counts for the difference to its real size [manager 10.2]', async () => {
  await using manager = await testManager(takingIn());
  const { id, args } = await aManagedSnapshot(manager);
  const before = await gigabytes(manager);

  await send(manager, 'manage_existing_snapshot', args);

  const snapshot = await manager.db.snapshots.get(id);
  assert.deepEqual([snapshot?.status, snapshot?.volume_size, snapshot?.provider_id], ['available', 5, 'taken']);
  assert.deepEqual(await gigabytes(manager), { in_use: before.in_use + 1, reserved: 0 });
});

test('a snapshot that cannot be taken in ends in error, also when a crash cuts it off [manager 10.2, manager 2.3, R-03]', async () => {
  await using manager = await testManager();
  const failing = await aManagedSnapshot(manager);
  const cut = await aManagedSnapshot(manager);
  await manager.db.workers.insert(snapshotKey(cut.id), 'managing', manager.service.id);

  await assert.rejects(send(manager, 'manage_existing_snapshot', failing.args), {
    name: 'ManageExistingInvalidReference',
  });
  await cleanUp(manager, { alone: true }, new AbortController().signal);

  for (const { id } of [failing, cut]) assert.equal((await manager.db.snapshots.get(id))?.status, 'error');
  assert.deepEqual(manager.calls, []);
});

const all = { marker: null, limit: null, offset: null, sort_keys: ['reference'], sort_dirs: ['asc'] };
const names = ['c', 'a', 'b'].map((name) => entry({ reference: { 'source-name': name } }));

test('the list is sorted, and cut behind its marker [manager 10.3]', async () => {
  await using manager = await testManager({
    getManageableVolumes: async () => names,
    getManageableSnapshots: async () => names.map((each) => ({ ...each, source_reference: ref })),
  });
  const list = async (request: object, method = 'get_manageable_volumes') =>
    ((await send(manager, method, { ...all, ...request })) as ManageableVolume[]).map(
      ({ reference }) => reference['source-name'],
    );

  assert.deepEqual(await list({}), ['a', 'b', 'c']);
  assert.deepEqual(await list({ sort_dirs: ['desc'], limit: 2 }), ['c', 'b']);
  assert.deepEqual(await list({ marker: "{'source-name': 'a'}", offset: 1 }), ['c']);
  assert.deepEqual(await list({ marker: '{"source-name": "a"}', limit: 1 }, 'get_manageable_snapshots'), ['b']);
  await assert.rejects(list({ marker: "{'source-name': 'x'}" }), { name: 'InvalidInput', message: /marker not found/ });
  await assert.rejects(list({ marker: 'x' }), { name: 'InvalidInput', message: /can not be analysed/ });
});

test('objects in the list have all six fields, and a list is no object itself [rpc 6.3, objects 6.7]', async () => {
  await using manager = await testManager({
    getManageableVolumes: async () => [entry({ reference: { 'source-id': 7 } })],
    getManageableSnapshots: async () => [{ ...entry(), source_reference: ref }],
  });

  const volumes = await send(manager, 'get_manageable_volumes', { ...all, want_objects: true });
  const snapshots = (await send(manager, 'get_manageable_snapshots', { ...all, want_objects: true })) as object[];

  assert.deepEqual(volumes, [
    {
      'versioned_object.name': 'ManageableVolume',
      'versioned_object.namespace': 'cinder',
      'versioned_object.version': '1.0',
      'versioned_object.data': {
        reference: { 'source-id': '7' },
        size: 3,
        safe_to_manage: true,
        reason_not_safe: null,
        cinder_id: null,
        extra_info: null,
      },
    },
  ]);
  assert.match(JSON.stringify(snapshots[0]), /"source_reference":{"source-name":"existing"}/);
});

test('a backend that cannot say has an empty list, and only an administrator is told [manager 10.3, rpc 6.3]', async () => {
  await using manager = await testManager();
  const user = { ...contextFor({ user_id: 'u', project_id: 'p' }), is_admin: false };
  const row = volumeEndpoint(manager, levels)['get_manageable_volumes'];

  assert.deepEqual(await send(manager, 'get_manageable_volumes', all), []);
  const operation = await row?.request(user, all).record(new AbortController().signal);
  await assert.rejects(operation?.run(new AbortController().signal) ?? Promise.resolve(), { name: 'AdminRequired' });
});

test('the driver hears of what is let go [manager 5, manager 6.2]', async () => {
  await using manager = await testManager({ unmanage: async () => {}, unmanageSnapshot: async () => {} });
  const volume = aVolume({ status: 'unmanaging' });
  const snapshot = randomUUID();
  await manager.db.volumes.create(volume);
  await manager.db.snapshots.create({ id: snapshot, volume_id: volume.id, volume_size: 1, status: 'unmanaging' });

  const args = { snapshot: snapshotCodec.encode({ id: snapshot }), unmanage_only: true };
  await send(manager, 'delete_snapshot', args);
  await send(manager, 'delete_volume', { volume: volumeCodec.encode({ id: volume.id }), unmanage_only: true });

  assert.deepEqual(manager.calls, [
    `unmanageSnapshot ${snapshot}`,
    `removeExport ${volume.id}`,
    `unmanage ${volume.id}`,
  ]);
});
