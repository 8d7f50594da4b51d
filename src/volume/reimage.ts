import { isAbort } from '../base/errors.ts';
import type { Image, Transfer } from '../interface/image-service.ts';
import type { RequestContext } from '../objects/context.ts';
import { InvalidInput, InvalidSnapshot } from '../objects/exceptions.ts';
import { serviceOf } from '../objects/host.ts';
import type { Volume } from '../objects/volume.ts';
import type { Work } from './claim.ts';
import { copyFromSnapshot, removeCopies } from './copy-from-snapshot.ts';
import { withImageFile, writeImage } from './image-data.ts';
import { propertiesOf } from './image-properties.ts';
import { requireSnapshot } from './loading.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { tellUser, userMessages } from './messages.ts';
import type { SnapshotOfVolume } from './resources.ts';
import { tellServers } from './tell-servers.ts';

export interface ReimageRequest {
  readonly imageId: string;
  /** Where the data of the image are, when it is one of a server that boots from volumes; null: in Glance. */
  readonly snapshotId: string | null;
}

/**
 * Writes an image over the data of a volume, which keeps its id and size (manager.md §8.3). The volume goes back to the
 * status that it had before; where that is `reserved`, a server waits for it, and Nova is told.
 */
export async function reimage(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<Volume>,
  { imageId, snapshotId }: ReimageRequest,
  progress: Transfer['progress'],
): Promise<void> {
  const { resource: volume, signal } = work;
  const transfer = { signal, progress };
  try {
    requireDriver(manager);
    if (volume.encryption_key_id !== null) {
      throw new InvalidInput({ reason: 'this release of volume-daemon encrypts no data of images' });
    }
    const image = await manager.images.show(context, imageId, signal);
    const properties =
      snapshotId === null
        ? await overwriteByImage(manager, context, volume, image, transfer)
        : await overwriteBySnapshot(manager, context, volume, snapshotId, image, transfer);
    await work.finish(async (tx) => {
      const status = volume.previous_status ?? 'available';
      if (!(await tx.volumes.update(volume.id, { status, bootable: true }, ['downloading']))) return;
      await tx.volumes.replaceGlanceMetadata({ volume_id: volume.id }, properties);
    });
  } catch (error) {
    if (signal.aborted && isAbort(error)) throw error;
    manager.log.log('ERROR', { error, resource: volume.id }, 'Failed to re-image volume %s.', volume.id);
    await work.finish(async (tx) => {
      const failed = { previous_status: volume.status, status: 'error' };
      await tx.volumes.update(volume.id, failed, ['downloading']);
      if (error instanceof Error && error.name === 'ImageConversionNotAllowed') {
        await tellUser(tx, manager.log, context, userMessages.reimageConversion, 'VOLUME', volume);
      }
    });
    throw error;
  }
  if (volume.previous_status === 'reserved') {
    await tellServers(manager, context, volume, 'volume-reimaged', userMessages.reimageUntold, signal);
  }
  manager.log.log('INFO', { resource: volume.id }, 'Volume re-imaged successfully.');
}

type Properties = ReturnType<typeof propertiesOf>;

function overwriteByImage(
  manager: VolumeManager,
  context: RequestContext,
  volume: Volume,
  image: Image,
  transfer: Transfer,
): Promise<Properties> {
  return withImageFile(manager, context, image, volume, transfer, async ({ file, verified }) => {
    await writeImage(manager, image, file, volume, false, transfer);
    return propertiesOf(image, verified);
  });
}

/** The snapshot is one of another volume of this backend, and stays while it is read. */
function overwriteBySnapshot(
  manager: VolumeManager,
  context: RequestContext,
  volume: Volume,
  snapshotId: string,
  image: Image,
  { signal, progress }: Transfer,
): Promise<Properties> {
  const copy = async (): Promise<Properties> => {
    const found = await requireSnapshot(manager.db, snapshotId);
    checkSnapshot(manager, found, volume);
    const copied = { volume, snapshot: found.snapshot, copyName: copyName(volume) };
    await copyFromSnapshot(manager, context, copied, signal, progress);
    return propertiesOf(image, undefined);
  };
  return manager.coordinator.withLock(`${snapshotId}-delete_snapshot`, copy, signal);
}

const readable = ['available', 'backing-up'];

function checkSnapshot(
  { host }: VolumeManager,
  { snapshot, volume: source, status }: SnapshotOfVolume,
  volume: Volume,
) {
  const reason = [
    ...(readable.includes(status ?? '') ? [] : [`its status is ${status}`]),
    ...(source.host !== null && serviceOf(source.host) === host ? [] : [`it is on ${source.host}, and not on ${host}`]),
    ...(snapshot.volume_size <= volume.size ? [] : [`${snapshot.volume_size} GiB do not fit into ${volume.size}`]),
  ].join('; ');
  if (reason !== '') throw new InvalidSnapshot({ reason: `snapshot ${snapshot.id}: ${reason}` });
}

/** Removes the volume that a re-image from a snapshot was copying when it was cut off. */
export async function removeReimageCopies(manager: VolumeManager, volume: Volume, signal: AbortSignal): Promise<void> {
  await removeCopies(manager, copyName(volume), () => true, signal);
}

function copyName({ id }: Volume): string {
  return `[reimage] temporary volume for volume ${id}`;
}
