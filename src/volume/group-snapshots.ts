import { isAbort, messageOf } from '../base/errors.ts';
import type { Tables } from '../interface/database.ts';
import type { ModelUpdate } from '../interface/volume-driver.ts';
import type { RequestContext } from '../objects/context.ts';
import { VolumeDriverException } from '../objects/exceptions.ts';
import type { Snapshot, SnapshotStatus } from '../objects/snapshot.ts';
import type { Volume } from '../objects/volume.ts';
import type { Work } from './claim.ts';
import { notifyGroupSnapshot } from './group-notifications.ts';
import { requireVolume } from './loading.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { releaseQuota, snapshotDeltas } from './quota.ts';
import type { SnapshotOfGroup } from './resources.ts';

interface Part {
  readonly snapshot: Snapshot;
  readonly volume: Volume;
}

/** Makes a snapshot of each volume of a group, whose rows are there already (manager.md §11.5). */
export async function createGroupSnapshot(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<SnapshotOfGroup>,
): Promise<void> {
  const { resource, finish, signal } = work;
  const { groupSnapshot } = resource;
  await notifyGroupSnapshot(manager, context, 'create.start', resource);
  const parts = await partsOf(manager.db, groupSnapshot.id);
  const made: (Part & { readonly update: ModelUpdate })[] = [];
  const failed: Part[] = [];
  for (const part of parts) {
    try {
      const driver = requireDriver(manager);
      made.push({ ...part, update: await driver.createSnapshot(part.snapshot, part.volume, signal, () => {}) });
    } catch (error) {
      if (signal.aborted && isAbort(error)) throw error;
      const about = { error, resource: part.snapshot.id };
      manager.log.log('ERROR', about, 'Snapshot of a group could not be made: %s', messageOf(error));
      failed.push(part);
    }
  }
  await finish(async (tx) => {
    for (const { snapshot, volume, update } of made) await becomeAvailable(tx, snapshot, volume, update);
    for (const { snapshot } of failed) await tx.snapshots.update(snapshot.id, { status: 'error' }, ['creating']);
    const status = failed.length > 0 ? 'error' : 'available';
    await tx.groupSnapshots.update(groupSnapshot.id, { status }, ['creating']);
  });
  if (failed.length > 0) throw new VolumeDriverException('Create group snapshot failed.');
  const done = { ...resource, groupSnapshot: { ...groupSnapshot, status: 'available' } };
  await notifyGroupSnapshot(manager, context, 'create.end', done);
  manager.log.log('INFO', { resource: groupSnapshot.id }, 'Create group snapshot completed successfully.');
}

/** Removes a group snapshot with its snapshots. What the backend keeps stays, and the whole is in `error` then (§11.6). */
export async function deleteGroupSnapshot(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<SnapshotOfGroup>,
): Promise<void> {
  const { resource, finish } = work;
  const { groupSnapshot } = resource;
  const { log, settings } = manager;
  await notifyGroupSnapshot(manager, context, 'delete.start', resource);
  const gone: Part[] = [];
  const kept: (Part & { readonly status: SnapshotStatus })[] = [];
  for (const part of await partsOf(manager.db, groupSnapshot.id)) {
    const status = await removed(manager, part, work.signal);
    if (status === undefined) gone.push(part);
    else kept.push({ ...part, status });
  }
  await finish(async (tx) => {
    for (const { snapshot, status } of kept) await tx.snapshots.update(snapshot.id, { status });
    for (const { snapshot, volume } of gone) {
      await tx.volumes.removeGlanceMetadata({ snapshot_id: snapshot.id });
      await tx.snapshots.destroy(snapshot.id);
      const deltas = await snapshotDeltas(tx, snapshot, volume, settings.no_snapshot_gb_quota);
      await releaseQuota(tx, log, deltas, groupSnapshot.project_id);
    }
    if (kept.length > 0) await tx.groupSnapshots.update(groupSnapshot.id, { status: 'error' });
    else await tx.groupSnapshots.destroy(groupSnapshot.id);
  });
  if (kept.length > 0) throw new VolumeDriverException('Delete group snapshot failed.');
  const done = { ...resource, groupSnapshot: { ...groupSnapshot, status: 'deleted' } };
  const told = gone.map(({ snapshot }) => ({ ...snapshot, status: 'deleted', deleted: true }) as const);
  await notifyGroupSnapshot(manager, context, 'delete.end', done, told);
  log.log('INFO', { resource: groupSnapshot.id }, 'Delete group snapshot completed successfully.');
}

async function partsOf(tx: Tables, id: string): Promise<readonly Part[]> {
  const snapshots = await tx.snapshots.ofGroupSnapshot(id);
  return Promise.all(
    snapshots.map(async (snapshot) => ({ snapshot, volume: await requireVolume(tx, snapshot.volume_id) })),
  );
}

async function becomeAvailable(tx: Tables, snapshot: Snapshot, volume: Volume, update: ModelUpdate): Promise<void> {
  const { provider_id, provider_location, provider_auth } = update;
  const columns = Object.fromEntries(Object.entries({ provider_id, provider_location, provider_auth }));
  const done = { ...columns, status: 'available', progress: '100%' } as const;
  await tx.snapshots.update(snapshot.id, done, ['creating']);
  if (volume.bootable !== true) return;
  await tx.volumes.copyGlanceMetadata({ volume_id: volume.id }, { snapshot_id: snapshot.id });
}

/** What a snapshot that the backend would not let go is at; undefined when it is gone. */
async function removed(
  manager: VolumeManager,
  { snapshot, volume }: Part,
  signal: AbortSignal,
): Promise<SnapshotStatus | undefined> {
  try {
    const driver = requireDriver(manager);
    const lock = `${snapshot.id}-delete_snapshot`;
    await manager.coordinator.withLock(lock, () => driver.deleteSnapshot(snapshot, volume, signal), signal);
    await manager.coordinator.forget(snapshot.id);
    return undefined;
  } catch (error) {
    if (signal.aborted && isAbort(error)) throw error;
    const about = { error, resource: snapshot.id };
    manager.log.log('ERROR', about, 'Snapshot of a group was kept: %s', messageOf(error));
    return error instanceof Error && error.name === 'SnapshotIsBusy' ? 'available' : 'error';
  }
}
