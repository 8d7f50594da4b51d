import type { BackupDevice } from '../interface/backup-service.ts';
import { type BackupInMessage, backupDeviceInfoCodec } from '../objects/backup.ts';
import type { RequestContext } from '../objects/context.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import type { Volume } from '../objects/volume.ts';
import type { Claimable, Work } from './claim.ts';
import { requireSnapshot, requireVolume } from './loading.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { persist } from './persist.ts';
import { makeTemporarySnapshot, makeTemporaryVolume } from './temporary.ts';

export interface DeviceRequest {
  readonly backup: BackupInMessage;
  readonly want_objects: boolean;
  readonly async_call: boolean;
}

/**
 * Makes ready what a backup is to be read from (manager.md §12.4): the volume itself, or a copy of an attached one, whose
 * id goes to the backup's row. With `async_call` cinder-backup is told, which then goes on; else the caller gets the device.
 */
export async function getBackupDevice(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<Claimable>,
  { backup, want_objects, async_call }: DeviceRequest,
): Promise<unknown> {
  const secure = requireDriver(manager).secureFileOperationsEnabled?.() ?? false;
  const { device, temporary } = await makeDevice(manager, context, backup, work.signal);
  const changes = temporaryIds(temporary);
  if (temporary !== undefined) await persist(manager, (tx) => tx.backups.update(backup.id, changes), work.signal);
  if (async_call) await manager.backups.continueBackup(context, { ...backup, ...changes }, device, secure);
  await work.finish(async () => {});
  manager.log.log('INFO', { resource: backup.id }, 'Getting backup device completed successfully.');
  if (async_call) return null;
  const of = 'volume' in device ? { volume: device.volume } : { snapshot: device.snapshot };
  if (want_objects) return backupDeviceInfoCodec.encode({ ...of, secure_enabled: secure });
  const backup_device = 'volume' in device ? device.volume : device.snapshot;
  return { backup_device, secure_enabled: secure, is_snapshot: 'snapshot' in device };
}

type Temporary = { readonly volume: Volume } | { readonly snapshot: Snapshot };

interface Made {
  readonly device: BackupDevice;
  /** What was made for the backup and goes with it. */
  readonly temporary?: Temporary;
}

function temporaryIds(temporary: Temporary | undefined) {
  if (temporary === undefined) return {};
  return 'volume' in temporary ? { temp_volume_id: temporary.volume.id } : { temp_snapshot_id: temporary.snapshot.id };
}

async function makeDevice(
  manager: VolumeManager,
  context: RequestContext,
  backup: BackupInMessage,
  signal: AbortSignal,
): Promise<Made> {
  const driver = requireDriver(manager);
  const useSnapshot = manager.settings.backup_use_temp_snapshot;
  const terms = { status: 'backing-up', admin_metadata: { temporary: 'True' } } as const;
  if (backup.snapshot_id) {
    const { snapshot, volume } = await requireSnapshot(manager.db, backup.snapshot_id);
    if (useSnapshot) return { device: { snapshot, of: volume } };
    const like = { ...volume, size: snapshot.volume_size };
    const made = await makeTemporaryVolume(
      manager,
      context,
      { ...terms, like, display_name: `backup-vol-${volume.id}` },
      (copy, stop) => driver.createVolumeFromSnapshot(copy, snapshot, stop, () => {}),
      signal,
    );
    return { device: { volume: made }, temporary: { volume: made } };
  }
  const volume = await requireVolume(manager.db, backup.volume_id);
  if (volume.previous_status !== 'in-use') return { device: { volume } };
  if (useSnapshot) {
    const display_name = `backup-snap-${volume.id}`;
    const snapshot = await makeTemporarySnapshot(manager, context, volume, { display_name }, signal);
    return { device: { snapshot, of: volume }, temporary: { snapshot } };
  }
  const made = await makeTemporaryVolume(
    manager,
    context,
    { ...terms, like: volume, display_name: `backup-vol-${volume.id}` },
    (copy, stop) => driver.createClonedVolume(copy, volume, stop, () => {}),
    signal,
  );
  return { device: { volume: made }, temporary: { volume: made } };
}
