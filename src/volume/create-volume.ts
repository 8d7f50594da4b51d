import { isAbort, messageOf } from '../base/errors.ts';
import { utcNow } from '../base/time.ts';
import type { Tables } from '../interface/database.ts';
import type { ModelUpdate, Progress } from '../interface/volume-driver.ts';
import type { VolumeChanges } from '../interface/volume-table.ts';
import type { Backup } from '../objects/backup.ts';
import type { RequestContext } from '../objects/context.ts';
import { MetadataCopyFailure, MetadataUpdateFailure, SnapshotNotFound, VolumeNotFound } from '../objects/exceptions.ts';
import type { RequestSpec } from '../objects/request-spec.ts';
import { isMigrationTarget, type Volume } from '../objects/volume.ts';
import type { Work } from './claim.ts';
import { createFromBackup, handToBackup } from './create-from-backup.ts';
import { createFromImage } from './create-from-image.ts';
import type { CreateRequest } from './create-request.ts';
import type { MakeVolume } from './image-volume.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { tellUser, userMessages } from './messages.ts';
import { writeUpdate } from './model-update.ts';
import { notifyVolume } from './notifications.ts';
import { reschedule, shouldReschedule } from './reschedule.ts';
import { sharedTargets } from './shared-targets.ts';

/**
 * Makes a volume: blank, from a snapshot, from another volume or from an image (manager.md §4). Resolves to its id. A failure leaves it
 * in `error`, or hands it back to the scheduler; then the driver's exception goes on to the caller's log.
 */
export async function createVolume(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<Volume>,
  request: CreateRequest,
  progress: Progress,
): Promise<string> {
  const { capabilities, settings } = manager;
  const volume = work.resource;
  capabilities.allocate(volume.host, volume.size, settings);
  try {
    const made = await underSourceLock(manager, request.request_spec, work.signal, async () => {
      await notifyUnlessInternal(manager, context, 'create.start', volume);
      return make(manager, context, work, request, progress);
    });
    const { backup } = made;
    if (backup === undefined) await work.finish((tx) => becomeAvailable(manager, tx, volume, made));
    else await handToBackup(manager, context, work, { update: made.update, backup }, columnsOf(manager, made));
    const status = backup === undefined ? 'available' : volume.status;
    await notifyUnlessInternal(manager, context, 'create.end', { ...volume, ...made.update, status });
    return volume.id;
  } catch (error) {
    if (work.signal.aborted && isAbort(error)) throw error;
    await fail(manager, context, work, request, error);
    throw error;
  }
}

interface Made {
  readonly update: ModelUpdate;
  /** Whose image properties the new volume takes over; undefined where it does not boot. */
  readonly bootableFrom?: { readonly snapshot_id: string } | { readonly volume_id: string };
  /** cinder-backup fills the volume and ends the create. */
  readonly backup?: Backup;
  /** What is remembered of an image; the volume boots. */
  readonly imageProperties?: Readonly<Record<string, string>>;
}

/** The recipe for the kind of source that the row and the request name, in upstream's order (manager.md §4.1). */
async function make(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<Volume>,
  { request_spec }: CreateRequest,
  progress: Progress,
): Promise<Made> {
  const driver = requireDriver(manager);
  const { resource: volume, signal } = work;
  if (volume.snapshot_id !== null) {
    const { snapshot, source } = await loadSource(manager, volume.snapshot_id);
    const update = await driver.createVolumeFromSnapshot(volume, { ...snapshot, volume: source }, signal, progress);
    return source.bootable === true ? { update, bootableFrom: { snapshot_id: snapshot.id } } : { update };
  }
  if (volume.source_volid !== null) {
    const source = await manager.db.volumes.get(volume.source_volid);
    if (source === undefined) throw new VolumeNotFound({ volume_id: volume.source_volid });
    const update = await driver.createClonedVolume(volume, source, signal, progress);
    return source.bootable === true ? { update, bootableFrom: { volume_id: source.id } } : { update };
  }
  if (request_spec.image_id) {
    const make: MakeVolume = (on, further, request) => createVolume(manager, on, further, request, () => {});
    return createFromImage({ manager, context, work, progress, make }, request_spec.image_id);
  }
  if (request_spec.backup_id) return createFromBackup(manager, volume, request_spec.backup_id, signal);
  try {
    return { update: await driver.createVolume(volume, signal) };
  } catch (error) {
    if (!isAbort(error)) await tellUser(manager.db, manager.log, context, userMessages.createFailed, 'VOLUME', volume);
    throw error;
  }
}

async function loadSource(manager: VolumeManager, snapshotId: string) {
  const snapshot = await manager.db.snapshots.get(snapshotId);
  if (snapshot === undefined) throw new SnapshotNotFound({ snapshot_id: snapshotId });
  const source = await manager.db.volumes.get(snapshot.volume_id);
  if (source === undefined) {
    throw new MetadataUpdateFailure({ reason: `the volume ${snapshot.volume_id} of snapshot ${snapshotId} is gone` });
  }
  return { snapshot, source };
}

/** Everything upstream writes at the end, in one transaction: what the driver said, `available`, and our service. */
async function becomeAvailable(manager: VolumeManager, tx: Tables, volume: Volume, made: Made): Promise<void> {
  const columns = { ...columnsOf(manager, made), status: 'available', launched_at: utcNow() };
  const written = await writeUpdate(tx, volume, made.update, columns, ['creating', 'downloading']);
  if (!written) {
    manager.log.warning('Volume %s was made, but its status was changed meanwhile; it is left as it is', volume.id);
    return;
  }
  if (made.bootableFrom !== undefined) await copyImageProperties(tx, made.bootableFrom, volume);
  if (made.imageProperties !== undefined) {
    await tx.volumes.replaceGlanceMetadata({ volume_id: volume.id }, made.imageProperties);
  }
  await forgetRecovery(tx, volume);
}

function columnsOf(manager: VolumeManager, made: Made): VolumeChanges {
  return {
    ...((made.bootableFrom ?? made.imageProperties) === undefined ? {} : { bootable: true }),
    service_uuid: manager.service.uuid,
    shared_targets: sharedTargets(manager),
  };
}

async function copyImageProperties(tx: Tables, from: NonNullable<Made['bootableFrom']>, volume: Volume): Promise<void> {
  try {
    await tx.volumes.copyGlanceMetadata(from, { volume_id: volume.id });
  } catch (error) {
    throw new MetadataCopyFailure({ reason: messageOf(error) }, { cause: error });
  }
}

/** Takes away what let a crash be repaired (manager.md §2.3). */
export async function forgetRecovery(tx: Tables, volume: Pick<Volume, 'id' | 'admin_metadata'>): Promise<void> {
  for (const key of ['create_request', 'interrupted_at']) await tx.volumes.removeAdminMetadata(volume.id, key);
}

/** The source may not be deleted while it is read (manager.md §13). */
function underSourceLock<T>(
  { coordinator }: VolumeManager,
  spec: RequestSpec,
  signal: AbortSignal,
  body: () => Promise<T>,
): Promise<T> {
  if (spec.snapshot_id) return coordinator.withLock(`${spec.snapshot_id}-delete_snapshot`, body, signal);
  if (spec.source_volid) return coordinator.withLock(`${spec.source_volid}-delete_volume`, body, signal);
  return body();
}

async function fail(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<Volume>,
  request: CreateRequest,
  error: unknown,
): Promise<void> {
  if (shouldReschedule(request, error)) {
    await reschedule(manager, context, work, request, error);
    return;
  }
  await work.finish(async (tx) => {
    await tx.volumes.update(work.resource.id, { status: 'error' }, ['creating', 'downloading']);
    await forgetRecovery(tx, work.resource);
  });
}

async function notifyUnlessInternal(
  manager: VolumeManager,
  context: RequestContext,
  event: string,
  volume: Volume,
): Promise<void> {
  if (volume.use_quota === false && isMigrationTarget(volume)) return;
  await notifyVolume(manager, context, event, volume);
}
