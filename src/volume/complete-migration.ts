import { messageOf } from '../base/errors.ts';
import type { RequestContext } from '../objects/context.ts';
import { attachmentsOf, type Volume } from '../objects/volume.ts';
import { detachVolume } from './legacy-attach.ts';
import { requireVolume } from './loading.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { persist } from './persist.ts';

/**
 * Ends a generic migration whose data are there (manager.md §9.3): the two rows change places, and the old data are deleted
 * by the name of the new row. The volume is `completing` already. Resolves to its id.
 */
export async function completeMigration(
  manager: VolumeManager,
  context: RequestContext,
  volumeId: string,
  newVolumeId: string,
  signal: AbortSignal,
): Promise<string> {
  const { db, peers, log } = manager;
  requireDriver(manager);
  const volume = await requireVolume(db, volumeId);
  const before = volume.previous_status ?? 'available';
  const detached = await detachInTheOldWay(manager, context, volume, before, signal);
  await peers.updateMigratedVolume(context, volume, await requireVolume(db, newVolumeId), before, signal);
  await persist(manager, (tx) => tx.volumes.finishMigration(volumeId, newVolumeId), signal);
  const [moved, rest] = [await requireVolume(db, volumeId), await requireVolume(db, newVolumeId)];
  for (const attachment of detached) await peers.attachVolume(context, moved, attachment, signal);
  const done = { status: before, previous_status: moved.status, migration_status: 'success' };
  await persist(manager, (tx) => tx.volumes.update(volumeId, done), signal);
  try {
    await peers.deleteVolume(context, rest);
  } catch (error) {
    const about = { error, resource: rest.id };
    log.log('ERROR', about, 'Failed to request async delete of migration source volume: %s', messageOf(error));
  }
  await persist(manager, (tx) => tx.attachments.move(newVolumeId, volumeId), signal);
  log.log('INFO', { resource: volumeId }, 'Complete-Migrate volume completed successfully.');
  return volumeId;
}

/** Nova has copied and failed: the destination goes, and the volume is what it was. */
export async function abandonMigration(
  manager: VolumeManager,
  context: RequestContext,
  volume: Volume,
  newVolumeId: string,
): Promise<string> {
  manager.log.info('migrate_volume_completion is cleaning up an error for volume %s', volume.id);
  const newVolume = await requireVolume(manager.db, newVolumeId);
  await manager.peers.deleteVolume(context, newVolume);
  return volume.id;
}

/** The attachments of a volume whose host knows the old way only: they are made anew on the other side. */
async function detachInTheOldWay(
  manager: VolumeManager,
  context: RequestContext,
  volume: Volume,
  before: string,
  signal: AbortSignal,
) {
  if (before !== 'in-use' || volume.status === 'available') return [];
  const attachments = attachmentsOf(volume);
  for (const { id = null } of attachments) {
    try {
      const request = { volume_id: volume.id, attachment_id: id, redelivered: false };
      await detachVolume({ manager, context, signal }, request);
    } catch (error) {
      const about = { error, resource: volume.id };
      manager.log.log('ERROR', about, 'Detach migration source volume failed: %s', messageOf(error));
    }
  }
  return attachments;
}
