import { isAbort } from '../base/errors.ts';
import type { Transfer } from '../interface/image-service.ts';
import type { RequestContext } from '../objects/context.ts';
import { InvalidInput } from '../objects/exceptions.ts';
import type { Volume } from '../objects/volume.ts';
import type { Work } from './claim.ts';
import { withImageFile, writeImage } from './image-data.ts';
import { propertiesOf } from './image-properties.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { tellUser, userMessages } from './messages.ts';
import { tellServers } from './tell-servers.ts';

/**
 * Writes an image over the data of a volume, which keeps its id and size (manager.md §8.3). The volume goes back to the
 * status that it had before; where that is `reserved`, a server waits for it, and Nova is told.
 */
export async function reimage(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<Volume>,
  imageId: string,
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
    const properties = await withImageFile(manager, context, image, volume, transfer, async ({ file, verified }) => {
      await writeImage(manager, image, file, volume, false, transfer);
      return propertiesOf(image, verified);
    });
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
