import { secondsBetween, utcNow } from '../base/time.ts';
import type { ModelUpdate } from '../interface/volume-driver.ts';
import type { VolumeChanges } from '../interface/volume-table.ts';
import type { Backup } from '../objects/backup.ts';
import type { RequestContext } from '../objects/context.ts';
import { BackupNotFound, ServiceNotFound } from '../objects/exceptions.ts';
import type { Service } from '../objects/service.ts';
import type { Volume } from '../objects/volume.ts';
import type { Work } from './claim.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { writeUpdate } from './model-update.ts';
import { persist } from './persist.ts';

/**
 * Makes a blank volume and has cinder-backup fill it (manager.md §4.7). The volume stays `creating`: whoever restores it
 * ends that. Resolves to what the driver wants written, which is not written yet.
 */
export async function createFromBackup(
  manager: VolumeManager,
  volume: Volume,
  backupId: string,
  signal: AbortSignal,
): Promise<{ readonly update: ModelUpdate; readonly backup: Backup }> {
  const backup = await manager.db.backups.get(backupId);
  if (backup === undefined) throw new BackupNotFound({ backup_id: backupId });
  const host = await restoringHost(manager, backup, volume);
  const update = await requireDriver(manager).createVolume(volume, signal);
  return { update, backup: { ...backup, host, status: 'restoring', restore_volume_id: volume.id } };
}

/** Hands the volume over: from here on it is cinder-backup's, and no clean-up of ours may touch it. */
export async function handToBackup(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<Volume>,
  { update, backup }: { readonly update: ModelUpdate; readonly backup: Backup },
  columns: VolumeChanges,
): Promise<void> {
  const { id } = work.resource;
  const { status, host, restore_volume_id } = backup;
  await manager.db.transaction(async (tx) => {
    await writeUpdate(tx, work.resource, update, columns, ['creating']);
    await tx.backups.update(backup.id, { status, host, restore_volume_id });
  });
  try {
    await manager.backups.restoreBackup(context, backup, id);
  } catch (error) {
    await persist(manager, (tx) => tx.backups.update(backup.id, { status: 'available', restore_volume_id: null }));
    throw error;
  }
  await work.finish((tx) => tx.volumes.removeAdminMetadata(id, 'interrupted_at'));
}

/** The service that made the backup where that is asked for, else any that is up, one of the same zone first. */
async function restoringHost({ db, settings }: VolumeManager, backup: Backup, volume: Volume): Promise<string> {
  const up = (await db.services.list()).filter(
    (service) => service.binary === 'cinder-backup' && !service.disabled && isUp(service, settings.service_down_time),
  );
  const same = settings.backup_use_same_host ? up.find(({ host }) => host === backup.host) : undefined;
  const near = up.filter(({ availability_zone }) => availability_zone === volume.availability_zone);
  const among = near.length > 0 ? near : up;
  const chosen = settings.backup_use_same_host && backup.host ? same : among[Math.floor(Math.random() * among.length)];
  if (chosen === undefined) throw new ServiceNotFound({ service_id: 'cinder-backup' });
  return chosen.host;
}

function isUp({ updated_at, created_at }: Service, downTime: number): boolean {
  const last = updated_at ?? created_at;
  return last !== null && Math.abs(secondsBetween(last, utcNow())) <= downTime;
}
