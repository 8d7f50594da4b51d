import { isAbort } from '../base/errors.ts';
import type { Progress } from '../interface/volume-driver.ts';
import type { RequestContext } from '../objects/context.ts';
import { BadResetResourceStatus } from '../objects/exceptions.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import type { Volume } from '../objects/volume.ts';
import type { Work } from './claim.ts';
import { copyFromSnapshot, removeCopies } from './copy-from-snapshot.ts';
import { deleteSnapshotOf } from './delete-snapshot.ts';
import { requireSnapshot } from './loading.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { notifySnapshot, notifyVolume } from './notifications.ts';
import { makeTemporarySnapshot } from './temporary.ts';

/**
 * Sets a volume back to one of its snapshots (manager.md §6.3). A snapshot of the state before is made first and removed
 * when all went well; after a failure it stays, the volume is in `error`, and the snapshot is `available` again.
 */
export async function revertToSnapshot(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<Volume>,
  snapshotId: string,
  progress: Progress,
): Promise<void> {
  const { resource: volume, signal } = work;
  const { snapshot } = await requireSnapshot(manager.db, snapshotId);
  const notify = async (event: string, of: Volume, from: Snapshot): Promise<void> => {
    await notifyVolume(manager, context, event, of);
    await notifySnapshot(manager, context, event, from, volume);
  };
  await notify('revert.start', volume, snapshot);
  let before: Snapshot | undefined;
  try {
    const driver = requireDriver(manager);
    if (driver.snapshotRevertUseTempSnapshot?.() ?? true) {
      const display_name = `[revert] volume ${volume.id} backup snapshot`;
      before = await makeTemporarySnapshot(manager, context, volume, { display_name }, signal);
    }
    if (driver.revertToSnapshot !== undefined) await driver.revertToSnapshot(volume, snapshot, signal, progress);
    else {
      const copied = { volume, snapshot, copyName: copyName(snapshot) };
      await copyFromSnapshot(manager, context, copied, signal, progress);
    }
  } catch (error) {
    if (signal.aborted && isAbort(error)) throw error;
    await notify('revert.end', volume, snapshot);
    await endRevert(manager, work, snapshot);
    throw error;
  }
  await becomeAvailable(work, snapshot);
  if (before !== undefined) await deleteSnapshotOf(manager, context, before, volume, false, signal);
  await notify('revert.end', { ...volume, status: 'available' }, { ...snapshot, status: 'available' });
  manager.log.log('INFO', { resource: volume.id }, 'Volume was reverted to snapshot %s', snapshot.id);
}

/** Ends a revert that failed, or that was cut off: its temporary volume goes, the volume is in `error`. */
export async function endRevert(
  manager: VolumeManager,
  { resource: volume, signal, finish }: Work<Volume>,
  snapshot: Snapshot | undefined,
): Promise<void> {
  if (snapshot !== undefined) {
    await removeCopies(manager, copyName(snapshot), (copy) => copy.snapshot_id === snapshot.id, signal);
  }
  await finish(async (tx) => {
    await tx.volumes.update(volume.id, { status: 'error' }, ['reverting']);
    if (snapshot !== undefined) await tx.snapshots.update(snapshot.id, { status: 'available' }, ['restoring']);
  });
}

function copyName(snapshot: Snapshot): string {
  return `[revert] temporary volume created from snapshot ${snapshot.id}`;
}

async function becomeAvailable({ resource: volume, finish }: Work<Volume>, snapshot: Snapshot): Promise<void> {
  const reset = await finish(async (tx) => ({
    volume: await tx.volumes.update(volume.id, { status: 'available' }, ['reverting']),
    snapshot: await tx.snapshots.update(snapshot.id, { status: 'available' }, ['restoring']),
  }));
  const left = [
    ...(reset.volume ? [] : [`volume ${volume.id}`]),
    ...(reset.snapshot ? [] : [`snapshot ${snapshot.id}`]),
  ];
  if (left.length > 0) {
    const reason = `Revert finished, but failed to reset ${left.join(' and ')} status to available, please manually reset it.`;
    throw new BadResetResourceStatus({ reason });
  }
}
