import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { StorageDriver } from '../../src/interface/driver-features.ts';
import { aVolume, send, type TestManager, testManager } from '../support/manager.ts';

const connector = { host: 'backup1', initiator: 'iqn.1993-08.org.debian:01:abcdef' };

/** A driver that shows snapshots. */
function showing(answers: Partial<StorageDriver> = {}): Partial<StorageDriver> {
  return {
    createExportSnapshot: async ({ id }) => ({ provider_location: `at-${id}`, provider_auth: 'CHAP u p' }),
    removeExportSnapshot: async () => {},
    initializeConnectionSnapshot: async ({ provider_location }) => ({
      driver_volume_type: 'iscsi',
      data: { target_portal: provider_location },
    }),
    terminateConnectionSnapshot: async () => {},
    ...answers,
  };
}

async function aSnapshot(manager: TestManager): Promise<string> {
  const volume = aVolume({ status: 'in-use' });
  const id = randomUUID();
  await manager.db.volumes.create(volume);
  await manager.db.snapshots.create({ id, volume_id: volume.id, volume_size: 1, status: 'backing-up' });
  return id;
}

test('a snapshot is shown to a host and taken back, and nothing is added to what the driver says [manager 7.7]', async () => {
  await using manager = await testManager(showing());
  const snapshot_id = await aSnapshot(manager);

  const info = await send(manager, 'initialize_connection_snapshot', { snapshot_id, connector });
  await send(manager, 'terminate_connection_snapshot', { snapshot_id, connector, force: true });
  await send(manager, 'remove_export_snapshot', { snapshot_id });

  assert.deepEqual(info, { driver_volume_type: 'iscsi', data: { target_portal: `at-${snapshot_id}` } });
  const steps = ['createExportSnapshot', 'initializeConnectionSnapshot', 'terminateConnectionSnapshot'];
  assert.deepEqual(
    manager.calls,
    [...steps, 'removeExportSnapshot'].map((step) => `${step} ${snapshot_id}`),
  );
  const saved = await manager.db.snapshots.get(snapshot_id);
  assert.deepEqual([saved?.provider_location, saved?.provider_auth], [`at-${snapshot_id}`, 'CHAP u p']);
});

test('a connection that fails takes the export back [manager 7.7]', async () => {
  await using manager = await testManager(
    showing({
      initializeConnectionSnapshot: async () => {
        throw new Error('no route');
      },
    }),
  );
  const snapshot_id = await aSnapshot(manager);

  await assert.rejects(send(manager, 'initialize_connection_snapshot', { snapshot_id, connector }), {
    name: 'VolumeBackendAPIException',
    message: /Unable to fetch connection information from backend: no route$/,
  });

  assert.equal(manager.calls.at(-1), `removeExportSnapshot ${snapshot_id}`);
});

test('a backend that shows no snapshots says so, and an unknown one is not found [manager 7.7]', async () => {
  await using manager = await testManager();
  const snapshot_id = await aSnapshot(manager);

  await assert.rejects(send(manager, 'initialize_connection_snapshot', { snapshot_id, connector }), {
    name: 'VolumeBackendAPIException',
  });
  await assert.rejects(send(manager, 'remove_export_snapshot', { snapshot_id: randomUUID() }), {
    name: 'SnapshotNotFound',
  });
});
