import { randomUUID } from 'node:crypto';
import { isAbort, messageOf } from '../base/errors.ts';
import type { SnapshotChanges } from '../interface/snapshot-table.ts';
import type { ModelUpdate } from '../interface/volume-driver.ts';
import type { NewVolume } from '../interface/volume-table.ts';
import type { RequestContext } from '../objects/context.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import type { Volume } from '../objects/volume.ts';
import type { Work } from './claim.ts';
import { createSnapshot } from './create-snapshot.ts';
import { requireVolume } from './loading.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { writeUpdate } from './model-update.ts';
import { persist } from './persist.ts';
import { loadSnapshot, type SnapshotOfVolume, snapshotKey, volumeKey } from './resources.ts';

/** What a volume of our own is called, and what it takes over from the one that it is for. */
export interface TemporaryVolume extends Pick<NewVolume, 'display_name' | 'admin_metadata' | 'snapshot_id'> {
  readonly like: Volume;
  /** What it stands at when it is made: no status that somebody waits for. */
  readonly status: string;
}

/**
 * Makes a volume for ourselves: no quota, no notification, and gone without a trace when it cannot be made. Row and claim
 * are written at once, so that a crash leaves nothing that looks like a lost request (manager.md §2.6 rule 3).
 */
export async function makeTemporaryVolume(
  manager: VolumeManager,
  context: RequestContext,
  { like, status, ...named }: TemporaryVolume,
  make: (volume: Volume, signal: AbortSignal) => Promise<ModelUpdate>,
  signal: AbortSignal,
): Promise<Volume> {
  const { db, service, claims } = manager;
  const id = randomUUID();
  const { size, host, cluster_name, availability_zone, volume_type_id } = like;
  const columns = {
    ...named,
    id,
    ...{ size, host, cluster_name, availability_zone, volume_type_id },
    status: 'creating',
    attach_status: 'detached',
    use_quota: false,
    user_id: context.user_id ?? like.user_id,
    project_id: context.project_id ?? like.project_id,
  };
  const { claim, volume } = await db.transaction(async (tx) => {
    await tx.volumes.create(columns);
    const row = await tx.workers.insert(volumeKey(id), columns.status, service.id);
    return { claim: row, volume: await requireVolume(tx, id) };
  });
  if (claim === undefined) throw new Error(`somebody claims the new volume ${id}`);
  return claims.run(claims.hold(claim, volume), signal, async (work) => {
    const update = await madeOrGone(manager, work, make);
    await work.finish((tx) => writeUpdate(tx, volume, update, { status }));
    return requireVolume(db, id);
  });
}

async function madeOrGone(
  manager: VolumeManager,
  { resource: volume, signal, finish }: Work<Volume>,
  make: (volume: Volume, signal: AbortSignal) => Promise<ModelUpdate>,
): Promise<ModelUpdate> {
  try {
    return await make(volume, signal);
  } catch (error) {
    // What is cut off keeps its row, and the clean-up removes both.
    if (signal.aborted && isAbort(error)) throw error;
    await removeQuietly(manager, volume, signal);
    await finish((tx) => tx.volumes.destroy(volume.id));
    throw error;
  }
}

/** Removes a volume of our own from the backend and from the tables. */
export async function removeTemporaryVolume(
  manager: VolumeManager,
  volume: Volume,
  signal: AbortSignal,
): Promise<void> {
  await removeQuietly(manager, volume, signal);
  await persist(manager, (tx) => tx.volumes.destroy(volume.id), signal);
}

async function removeQuietly(manager: VolumeManager, volume: Volume, signal: AbortSignal): Promise<void> {
  try {
    await requireDriver(manager).deleteVolume(volume, signal);
  } catch (error) {
    const about = { error, resource: volume.id };
    manager.log.log('WARNING', about, 'The temporary volume %s is left: %s', volume.id, messageOf(error));
  }
}

/** Makes a snapshot for ourselves, which counts for no quota; a failure leaves its row in `error`. */
export async function makeTemporarySnapshot(
  manager: VolumeManager,
  context: RequestContext,
  volume: Volume,
  named: Pick<SnapshotChanges, 'display_name'>,
  signal: AbortSignal,
): Promise<Snapshot> {
  const { db, service, claims } = manager;
  const id = randomUUID();
  const { volume_type_id, encryption_key_id } = volume;
  const { claim, found } = await db.transaction(async (tx) => {
    await tx.snapshots.create({
      ...named,
      id,
      volume_id: volume.id,
      volume_size: volume.size,
      status: 'creating',
      use_quota: false,
      user_id: context.user_id ?? volume.user_id,
      project_id: context.project_id ?? volume.project_id,
      volume_type_id,
      encryption_key_id,
    });
    const row = await tx.workers.insert(snapshotKey(id), 'creating', service.id);
    return { claim: row, found: await loadSnapshot(tx, id) };
  });
  if (claim === undefined || found === undefined) throw new Error(`somebody claims the new snapshot ${id}`);
  const held = claims.hold<SnapshotOfVolume>(claim, found);
  await claims.run(held, signal, (work) => createSnapshot(manager, context, work, () => {}));
  return (await db.snapshots.get(id)) ?? found.snapshot;
}
