import { isAbort, messageOf } from '../base/errors.ts';
import type { ModelUpdate, Progress, VolumeDriver } from '../interface/volume-driver.ts';
import type { RequestContext } from '../objects/context.ts';
import { MetadataCopyFailure } from '../objects/exceptions.ts';
import type { Work } from './claim.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { tellUser, userMessages } from './messages.ts';
import { notifySnapshot } from './notifications.ts';
import type { SnapshotOfVolume } from './resources.ts';

/** Makes a snapshot (manager.md §6.1). Resolves to its id; a failure leaves it in `error` with a message for its user. */
export function createSnapshot(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<SnapshotOfVolume>,
  progress: Progress,
): Promise<string> {
  const { snapshot, volume } = work.resource;
  return createSnapshotBy(manager, context, work, (driver) =>
    driver.createSnapshot(snapshot, volume, work.signal, progress),
  );
}

/** As `createSnapshot`, by what `make` asks of the driver. */
export async function createSnapshotBy(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<SnapshotOfVolume>,
  make: (driver: VolumeDriver) => Promise<ModelUpdate>,
): Promise<string> {
  const { snapshot, volume } = work.resource;
  await notifySnapshot(manager, context, 'create.start', snapshot, volume);
  let update: ModelUpdate;
  try {
    update = await make(requireDriver(manager));
  } catch (error) {
    if (work.signal.aborted && isAbort(error)) throw error;
    await fail(manager, context, work, userMessages.snapshotFailed);
    throw error;
  }
  try {
    await work.finish(async (tx) => {
      const current = await tx.volumes.get(volume.id);
      if (current?.bootable === true) {
        await tx.volumes.copyGlanceMetadata({ volume_id: volume.id }, { snapshot_id: snapshot.id });
      }
      const {
        provider_geometry: _none,
        replication_driver_data: _data,
        replication_status: _status,
        admin_metadata: _admin,
        ...columns
      } = update;
      const done = {
        status: 'available',
        progress: '100%',
        encryption_key_id: current?.encryption_key_id ?? null,
      } as const;
      await tx.snapshots.update(snapshot.id, { ...columns, ...done }, ['creating']);
      await tx.volumes.removeAdminMetadata(volume.id, `interrupted_at ${snapshot.id}`);
    });
  } catch (error) {
    if (work.signal.aborted && isAbort(error)) throw error;
    await fail(manager, context, work, userMessages.snapshotMetadataFailed);
    throw new MetadataCopyFailure({ reason: messageOf(error) }, { cause: error });
  }
  await notifySnapshot(manager, context, 'create.end', { ...snapshot, status: 'available' }, volume);
  manager.log.log('INFO', { resource: snapshot.id }, 'Create snapshot completed successfully');
  return snapshot.id;
}

async function fail(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<SnapshotOfVolume>,
  message: typeof userMessages.snapshotFailed | typeof userMessages.snapshotMetadataFailed,
): Promise<void> {
  const { snapshot, volume } = work.resource;
  await work.finish(async (tx) => {
    await tx.snapshots.update(snapshot.id, { status: 'error' }, ['creating']);
    await tx.volumes.removeAdminMetadata(volume.id, `interrupted_at ${snapshot.id}`);
    await tellUser(tx, manager.log, context, message, 'VOLUME_SNAPSHOT', snapshot);
  });
}
