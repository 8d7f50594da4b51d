import { isAbort } from '../base/errors.ts';
import type { Tables } from '../interface/database.ts';
import type { RequestContext } from '../objects/context.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import type { Volume } from '../objects/volume.ts';
import type { Work } from './claim.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { tellUser, userMessages } from './messages.ts';
import { notifySnapshot } from './notifications.ts';
import { persist } from './persist.ts';
import { releaseQuota, snapshotDeltas } from './quota.ts';
import { type SnapshotOfVolume, snapshotKey } from './resources.ts';

type Finish = <T>(body: (tx: Tables) => Promise<T>) => Promise<T>;

/** Removes a snapshot; `unmanage_only` forgets it and leaves it on the backend (manager.md §6.2). */
export async function deleteSnapshot(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<SnapshotOfVolume>,
  request: { readonly unmanage_only: boolean },
): Promise<void> {
  const { snapshot, volume } = work.resource;
  const { coordinator, log } = manager;
  await coordinator.withLock(
    `${snapshot.id}-delete_snapshot`,
    () => deleteUnderLock(manager, context, snapshot, volume, request.unmanage_only, work.signal, work.finish),
    work.signal,
  );
  await coordinator.forget(snapshot.id);
  log.log('INFO', { resource: snapshot.id }, 'Delete snapshot completed successfully.');
}

/** Removes a snapshot as part of the delete of its volume, whose claim covers it. */
export async function deleteSnapshotOf(
  manager: VolumeManager,
  context: RequestContext,
  snapshot: Snapshot,
  volume: Volume,
  unmanageOnly: boolean,
  signal: AbortSignal,
): Promise<void> {
  const finish: Finish = (body) =>
    persist(
      manager,
      async (tx) => {
        // A request of its own whose message did not come has nothing to ask for any more.
        await tx.workers.withdraw(snapshotKey(snapshot.id));
        return body(tx);
      },
      signal,
    );
  await manager.coordinator.withLock(
    `${snapshot.id}-delete_snapshot`,
    () => deleteUnderLock(manager, context, snapshot, volume, unmanageOnly, signal, finish),
    signal,
  );
  await manager.coordinator.forget(snapshot.id);
}

async function deleteUnderLock(
  manager: VolumeManager,
  context: RequestContext,
  snapshot: Snapshot,
  volume: Volume,
  unmanageOnly: boolean,
  signal: AbortSignal,
  finish: Finish,
): Promise<void> {
  const { log, settings, db } = manager;
  // Deleted while we waited for the lock, by a request of its own or with its volume: there is nothing left to do.
  if ((await db.snapshots.get(snapshot.id)) === undefined) {
    await finish(async () => {});
    return;
  }
  await notifySnapshot(manager, context, 'delete.start', snapshot, volume);
  try {
    const driver = requireDriver(manager);
    if (unmanageOnly) await driver.unmanageSnapshot?.(snapshot, volume, signal);
    else await driver.deleteSnapshot(snapshot, volume, signal);
  } catch (error) {
    if (signal.aborted && isAbort(error)) throw error;
    const busy = error instanceof Error && error.name === 'SnapshotIsBusy';
    await finish(async (tx) => {
      await tx.snapshots.update(snapshot.id, { status: busy ? 'available' : 'error_deleting' });
      const message = busy ? userMessages.snapshotBusy : userMessages.snapshotDeleteFailed;
      await tellUser(tx, log, context, message, 'VOLUME_SNAPSHOT', snapshot);
    });
    if (busy) {
      log.error('Delete snapshot failed, due to snapshot busy.');
      return;
    }
    throw error;
  }
  await finish(async (tx) => {
    await tx.volumes.removeGlanceMetadata({ snapshot_id: snapshot.id });
    await tx.volumes.removeAdminMetadata(volume.id, `interrupted_at ${snapshot.id}`);
    await tx.snapshots.destroy(snapshot.id);
    if (snapshot.use_quota !== false) {
      const deltas = await snapshotDeltas(tx, snapshot, volume, settings.no_snapshot_gb_quota);
      await releaseQuota(tx, log, deltas, snapshot.project_id);
    }
  });
  await notifySnapshot(manager, context, 'delete.end', { ...snapshot, status: 'deleted', deleted: true }, volume);
}
