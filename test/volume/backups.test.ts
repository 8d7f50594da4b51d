import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { BackupDevice, BackupService } from '../../src/interface/backup-service.ts';
import { type Backup, backupCodec } from '../../src/objects/backup.ts';
import { serviceHost } from '../../src/objects/host.ts';
import { cleanUp } from '../../src/volume/cleanup.ts';
import { execute } from '../support/database.ts';
import { aFolder } from '../support/folder.ts';
import { aVolume, send, type TestManager, testManager } from '../support/manager.ts';

const backupId = 'd53b27eb-01de-4322-ad2e-5dac372e1446';

interface Told {
  readonly continued: { backup: Partial<Backup>; device: BackupDevice; secure: boolean }[];
  readonly restored: { backup: Partial<Backup>; volumeId: string }[];
}

/** A manager whose cinder-backup remembers what it is told; `fails` makes it unreachable. */
async function withBackups(t: TestContext, answers: Parameters<typeof testManager>[0] = {}, fails = false) {
  const path = join(aFolder(t), 'cinder.sqlite');
  const told: Told = { continued: [], restored: [] };
  const backups: BackupService = {
    async continueBackup(_, backup, device, secure) {
      if (fails) throw new Error('no broker');
      told.continued.push({ backup, device, secure });
    },
    async restoreBackup(_, backup, volumeId) {
      if (fails) throw new Error('no broker');
      told.restored.push({ backup, volumeId });
    },
  };
  const manager = await testManager(answers, { backups }, path);
  t.after(() => manager[Symbol.asyncDispose]());
  const addBackup = (volumeId: string): void => {
    execute(
      path,
      `insert into backups (id, volume_id, user_id, project_id, host, status, size, deleted)
       values ('${backupId}', '${volumeId}', 'u1', 'p1', 'bak1', 'available', 1, 0)`,
    );
  };
  return { manager, told, addBackup };
}

/** What cinder-backup sends (objects.md §8.9). */
function request(volume_id: string, given: Partial<Backup> = {}) {
  const backup = {
    id: backupId,
    volume_id,
    user_id: 'u1',
    project_id: 'p1',
    host: 'bak1',
    status: 'creating' as const,
  };
  return { backup: backupCodec.encode({ ...backup, ...given }), want_objects: true, async_call: true };
}

async function backingUp(manager: TestManager, previous_status = 'available'): Promise<string> {
  const volume = aVolume({ status: 'backing-up', previous_status });
  await manager.db.volumes.create(volume);
  return volume.id;
}

test('a detached volume is itself the device, and cinder-backup is told to go on [manager 12.4, rpc 5.2]', async (t) => {
  const { manager, told } = await withBackups(t, { secureFileOperationsEnabled: () => true });
  const id = await backingUp(manager);

  assert.equal(await send(manager, 'get_backup_device', request(id)), null);

  const [continued] = told.continued;
  assert.ok(continued && 'volume' in continued.device);
  assert.deepEqual([continued.device.volume.id, continued.secure], [id, true]);
  assert.equal(continued.backup.temp_volume_id, undefined);
  assert.deepEqual(manager.calls, []);
  assert.deepEqual(await manager.db.workers.ofService(manager.service.id), []);
});

test('an attached volume is backed up from a clone that counts for no quota, named in the backup [manager 12.4]', async (t) => {
  const { manager, told, addBackup } = await withBackups(t);
  const id = await backingUp(manager, 'in-use');
  addBackup(id);

  await send(manager, 'get_backup_device', request(id));

  const [continued] = told.continued;
  assert.ok(continued && 'volume' in continued.device);
  const clone = continued.device.volume;
  assert.deepEqual(manager.calls, [`createClonedVolume ${clone.id}`]);
  assert.deepEqual(
    [clone.status, clone.use_quota, clone.display_name, clone.admin_metadata],
    ['backing-up', false, `backup-vol-${id}`, { temporary: 'True' }],
  );
  assert.equal(continued.backup.temp_volume_id, clone.id);
  assert.equal((await manager.db.backups.get(backupId))?.temp_volume_id, clone.id);
  assert.equal((await manager.db.volumes.get(clone.id))?.status, 'backing-up');
});

test('with backup_use_temp_snapshot it is a snapshot, and a snapshot’s backup is read from itself [manager 12.4]', async (t) => {
  const { manager, told, addBackup } = await withBackups(t);
  manager.settings = { ...manager.settings, backup_use_temp_snapshot: true };
  const id = await backingUp(manager, 'in-use');
  const snapshot_id = randomUUID();
  await manager.db.snapshots.create({ id: snapshot_id, volume_id: id, volume_size: 1, status: 'backing-up' });
  addBackup(id);

  await send(manager, 'get_backup_device', request(id));
  await send(manager, 'get_backup_device', request(id, { snapshot_id }));

  const [ofVolume, ofSnapshot] = told.continued.map(({ device }) =>
    'snapshot' in device ? device.snapshot : undefined,
  );
  assert.deepEqual([ofVolume?.display_name, ofVolume?.status], [`backup-snap-${id}`, 'available']);
  assert.equal((await manager.db.backups.get(backupId))?.temp_snapshot_id, ofVolume?.id);
  assert.equal(ofSnapshot?.id, snapshot_id);
});

test('a snapshot’s backup is read from a volume of its size where snapshots are not attached [manager 12.4]', async (t) => {
  const { manager, told, addBackup } = await withBackups(t);
  const id = await backingUp(manager);
  const snapshot_id = randomUUID();
  await manager.db.snapshots.create({ id: snapshot_id, volume_id: id, volume_size: 3, status: 'backing-up' });
  addBackup(id);

  await send(manager, 'get_backup_device', request(id, { snapshot_id }));

  const [continued] = told.continued;
  assert.ok(continued && 'volume' in continued.device);
  assert.equal(continued.device.volume.size, 3);
  assert.deepEqual(manager.calls, [`createVolumeFromSnapshot ${continued.device.volume.id}`]);
});

test('a clone that cannot be made leaves nothing behind [manager 12.4]', async (t) => {
  const { manager, told } = await withBackups(t, {
    createClonedVolume: async () => {
      throw new Error('full');
    },
  });
  const id = await backingUp(manager, 'in-use');

  await assert.rejects(send(manager, 'get_backup_device', request(id)), /full/);

  assert.deepEqual(told.continued, []);
  const rows = await manager.db.volumes.ofService(manager.host, { limit: 10 });
  assert.deepEqual(
    rows.map((row) => row.id),
    [id],
  );
});

test('an older caller waits for the device, as an object or as fields [manager 12.4, objects 6.6]', async (t) => {
  const { manager } = await withBackups(t);
  const first = await backingUp(manager);
  const second = await backingUp(manager);

  const device = (await send(manager, 'get_backup_device', { ...request(first), async_call: false })) as {
    'versioned_object.name': string;
    'versioned_object.data': Record<string, unknown>;
  };
  const plain = await send(manager, 'get_backup_device', { backup: request(second).backup });

  assert.equal(device['versioned_object.name'], 'BackupDeviceInfo');
  assert.deepEqual(Object.keys(device['versioned_object.data']), ['volume', 'secure_enabled']);
  assert.deepEqual(
    [(plain as { is_snapshot: boolean }).is_snapshot, (plain as { secure_enabled: boolean }).secure_enabled],
    [false, false],
  );
});

async function backupServices(manager: TestManager, hosts: readonly string[]): Promise<void> {
  for (const host of hosts) {
    await manager.db.services.register({
      host: serviceHost(host, 'x').replace('@x', '') as never,
      binary: 'cinder-backup',
      topic: 'cinder-backup',
      availability_zone: 'nova',
      disabled: false,
      cluster_name: null,
      rpc_current_version: '2.3',
      object_current_version: '1.39',
    });
  }
}

function fromBackup(id: string) {
  const request_spec = {
    'versioned_object.name': 'RequestSpec',
    'versioned_object.namespace': 'cinder',
    'versioned_object.version': '1.5',
    'versioned_object.data': { backup_id: backupId },
  };
  const volume = {
    'versioned_object.name': 'Volume',
    'versioned_object.namespace': 'cinder',
    'versioned_object.version': '1.9',
    'versioned_object.data': { id },
  };
  return { volume, request_spec, filter_properties: {}, allow_reschedule: false };
}

test('a volume from a backup stays creating while cinder-backup fills it, and no clean-up touches it [manager 4.7, manager 2.3]', async (t) => {
  const { manager, told, addBackup } = await withBackups(t);
  const volume = aVolume({ availability_zone: 'nova' });
  await manager.db.volumes.create(volume);
  addBackup(randomUUID());
  await backupServices(manager, ['bak2']);

  await send(manager, 'create_volume', fromBackup(volume.id));

  assert.deepEqual(manager.calls, [`createVolume ${volume.id}`]);
  assert.deepEqual([told.restored[0]?.volumeId, told.restored[0]?.backup.host], [volume.id, 'bak2']);
  const backup = await manager.db.backups.get(backupId);
  assert.deepEqual([backup?.status, backup?.host, backup?.restore_volume_id], ['restoring', 'bak2', volume.id]);
  const row = await manager.db.volumes.get(volume.id);
  assert.deepEqual([row?.status, row?.provider_id], ['creating', `made-${volume.id}`]);
  assert.deepEqual(await manager.db.workers.ofService(manager.service.id), []);

  await manager.db.workers.insert({ type: 'Volume', id: volume.id }, 'creating', manager.service.id);
  await cleanUp(manager, { alone: true }, new AbortController().signal);
  assert.equal((await manager.db.volumes.get(volume.id))?.status, 'creating');
});

test('no backup service, or one that cannot be told, ends the create in error and frees the backup [manager 4.7]', async (t) => {
  const { manager, addBackup } = await withBackups(t, {}, true);
  const [nobody, unreachable] = [aVolume(), aVolume()];
  for (const volume of [nobody, unreachable]) await manager.db.volumes.create(volume);
  addBackup(randomUUID());

  await assert.rejects(send(manager, 'create_volume', fromBackup(nobody.id)), { name: 'ServiceNotFound' });
  await backupServices(manager, ['bak2']);
  await assert.rejects(send(manager, 'create_volume', fromBackup(unreachable.id)), /no broker/);

  for (const { id } of [nobody, unreachable]) assert.equal((await manager.db.volumes.get(id))?.status, 'error');
  const backup = await manager.db.backups.get(backupId);
  assert.deepEqual([backup?.status, backup?.restore_volume_id], ['available', null]);
});
