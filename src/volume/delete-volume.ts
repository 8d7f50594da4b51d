import { isAbort, messageOf } from '../base/errors.ts';
import type { Tables } from '../interface/database.ts';
import type { RequestContext } from '../objects/context.ts';
import { Invalid, InvalidSnapshot, VolumeAttached } from '../objects/exceptions.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import { isMigrationTarget, type Volume } from '../objects/volume.ts';
import type { Work } from './claim.ts';
import { deleteSnapshotOf } from './delete-snapshot.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { notifyVolume } from './notifications.ts';
import { releaseQuota, volumeDeltas } from './quota.ts';

export interface DeleteRequest {
  readonly unmanage_only: boolean;
  readonly cascade: boolean;
}

/**
 * Removes a volume, its exports, and with `cascade` its snapshots; `unmanage_only` forgets it and leaves it on the backend
 * (manager.md §5). Waits for a clone of it that is under way. A volume that is gone already is success.
 */
export async function deleteVolume(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<Volume>,
  request: DeleteRequest,
): Promise<void> {
  const { id } = work.resource;
  await manager.coordinator.withLock(
    `${id}-delete_volume`,
    () => deleteUnderLock(manager, context, work, request),
    work.signal,
  );
  await manager.coordinator.forget(id);
}

async function deleteUnderLock(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<Volume>,
  request: DeleteRequest,
): Promise<void> {
  const { db, log, capabilities, settings } = manager;
  const volume = await db.volumes.get(work.resource.id);
  if (volume === undefined) {
    await work.finish(async () => {});
    return;
  }
  const refusal = whyRefused(volume, request);
  if (refusal !== undefined) {
    log.warning('Volume %s is not deleted: %s', volume.id, refusal.message);
    await work.finish(async () => {});
    throw refusal;
  }
  const counted = isCounted(volume);
  const event = request.unmanage_only ? 'unmanage' : 'delete';
  if (counted) await notifyVolume(manager, context, `${event}.start`, volume);

  const busy = await removeFromBackend(manager, context, work, volume, request);
  if (busy) return;

  await work.finish(async (tx) => {
    await tx.volumes.destroy(volume.id);
    if (counted && volume.status !== 'error_managing_deleting') {
      await releaseQuota(tx, log, await volumeDeltas(tx, volume), volume.project_id);
    }
  });
  log.log('INFO', { resource: volume.id }, 'Deleted volume successfully.');
  if (counted) {
    await notifyVolume(manager, context, `${event}.end`, { ...volume, status: 'deleted' });
    capabilities.allocate(volume.host, -volume.size, settings);
    manager.publishSoon();
  }
}

/** True when the driver says that the volume is in use by others: it is `available` again, and that is no failure. */
async function removeFromBackend(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<Volume>,
  volume: Volume,
  request: DeleteRequest,
): Promise<boolean> {
  try {
    const driver = requireDriver(manager);
    await driver.removeExport(volume, work.signal);
    if (request.unmanage_only) {
      await driver.unmanage?.(volume, work.signal);
      return false;
    }
    if (request.cascade) await deleteSnapshots(manager, context, volume, work.signal);
    await driver.deleteVolume(volume, work.signal);
    return false;
  } catch (error) {
    if (work.signal.aborted && isAbort(error)) throw error;
    const busy = error instanceof Error && error.name === 'VolumeIsBusy';
    const failed = request.unmanage_only ? 'error_unmanaging' : 'error_deleting';
    if (busy) manager.log.error('Unable to delete busy volume: %s', messageOf(error));
    await work.finish((tx) => leave(tx, volume, busy ? 'available' : failed));
    if (busy) return true;
    throw error;
  }
}

/** A migration target that cannot be removed leaves no row behind: nobody but its source knew of it (manager.md §5). */
async function leave(tx: Tables, volume: Volume, status: string): Promise<void> {
  if (isMigrationTarget(volume)) await tx.volumes.destroy(volume.id);
  else await tx.volumes.update(volume.id, { status });
}

async function deleteSnapshots(
  manager: VolumeManager,
  context: RequestContext,
  volume: Volume,
  signal: AbortSignal,
): Promise<void> {
  const snapshots = await manager.db.snapshots.ofVolume(volume.id);
  const kept = snapshots.find((snapshot: Snapshot) => snapshot.status !== 'deleting');
  if (kept !== undefined) {
    throw new InvalidSnapshot({
      reason: `Snapshot ${kept.id} was found in state ${kept.status} rather than 'deleting'`,
    });
  }
  for (const snapshot of snapshots) await deleteSnapshotOf(manager, context, snapshot, volume, false, signal);
}

function whyRefused(volume: Volume, request: DeleteRequest): Error | undefined {
  if (volume.attach_status === 'attached') return new VolumeAttached({ volume_id: volume.id });
  if (request.unmanage_only && volume.encryption_key_id !== null) {
    return new Invalid('Unmanaging encrypted volumes is not supported.');
  }
  if (request.unmanage_only && request.cascade)
    return new Invalid('Unmanage and cascade delete options are mutually exclusive.');
  return undefined;
}

/** Whether quota and capacity know the volume (manager.md §5 step 5, both releases). */
function isCounted(volume: Volume): boolean {
  const migrating = ![null, 'error', 'success'].includes(volume.migration_status);
  return volume.use_quota !== false && !migrating && volume.admin_metadata?.['temporary'] !== 'True';
}
