import { isAbort, messageOf } from '../base/errors.ts';
import type { Image, Transfer } from '../interface/image-service.ts';
import type { RequestContext } from '../objects/context.ts';
import { InvalidVolume } from '../objects/exceptions.ts';
import type { Volume } from '../objects/volume.ts';
import type { Work } from './claim.ts';
import { createVolume } from './create-volume.ts';
import { cloneAsImage, internalTenant, type MakeVolume, removeImageVolume, type Tenant } from './image-volume.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { tellUser, type UserMessage, userMessages } from './messages.ts';

/** What an upload needs to know of the image that is waiting for its data. */
export type WaitingImage = Pick<Image, 'id' | 'disk_format' | 'container_format'>;

/** An upload under way. */
interface Job extends Transfer {
  readonly manager: VolumeManager;
  readonly context: RequestContext;
  readonly volume: Volume;
  readonly image: WaitingImage;
}

/**
 * Gives an image its data from a volume (manager.md §8.2). Whatever comes of it, the volume is `in-use` or `available` again;
 * an image that got no data is removed.
 */
export async function copyVolumeToImage(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<Volume>,
  image: WaitingImage,
  progress: Transfer['progress'],
): Promise<void> {
  const { resource: volume, signal } = work;
  const job: Job = { manager, context, volume, image, signal, progress };
  try {
    requireDriver(manager);
    if (!(await asClone(job))) await upload(job);
  } catch (error) {
    if (signal.aborted && isAbort(error)) throw error;
    manager.log.log(
      'ERROR',
      { error, resource: volume.id },
      'Upload volume to image encountered an error (image-id: %s).',
      image.id,
    );
    await removeUnfinished(job);
    await work.finish(async (tx) => {
      await tellUser(tx, manager.log, context, messageFor(error), 'VOLUME', volume);
      if ((await tx.volumes.get(volume.id))?.status === 'uploading') await tx.volumes.settleStatus(volume.id);
    });
    throw error;
  }
  await work.finish(async (tx) => {
    if ((await tx.volumes.get(volume.id))?.status === 'uploading') await tx.volumes.settleStatus(volume.id);
  });
  manager.log.log('INFO', { resource: volume.id }, 'Copy volume to image completed successfully.');
}

/** Streams the volume, or what it is converted to. */
async function upload({ manager, context, volume, image, signal, progress }: Job): Promise<void> {
  const { driver, images, imageFiles } = manager;
  if (volume.encryption_key_id !== null) {
    throw new InvalidVolume({ reason: 'this release of volume-daemon uploads no encrypted volume' });
  }
  if (driver.withLocalPath === undefined) {
    throw new InvalidVolume({ reason: `the volumes of ${driver.name} are no files of this host` });
  }
  const store = volume.volume_type?.extra_specs?.['image_service:store_id'] ?? undefined;
  const how = { gzip: image.container_format === 'compressed', store };
  const transfer = { signal, progress };
  const send = async (path: string, format: 'raw' | 'qcow2'): Promise<void> => {
    imageFiles.checkConversion(image, format, true);
    if (format === 'raw' && (image.disk_format ?? 'raw') === 'raw') {
      return images.upload(context, image.id, path, how, transfer);
    }
    await imageFiles.withFile('vol_upload', image.id, async (made) => {
      await imageFiles.makeFromVolume({ path, format }, image, made, transfer);
      await images.upload(context, image.id, made, how, transfer);
    });
  };
  await driver.withLocalPath(volume, { write: false }, send, signal);
}

/** Where the configuration wants it, the image is a clone on the backend. False: it is to be uploaded after all. */
async function asClone({ manager, context, volume, image, signal }: Job): Promise<boolean> {
  const { settings, images, db, log } = manager;
  const raw = image.disk_format === 'raw' && image.container_format === 'bare';
  const owner = raw && settings.image_upload_use_cinder_backend ? cloneOwner(manager, volume) : undefined;
  if (owner === undefined) return false;
  const make: MakeVolume = (on, work, request) => createVolume(manager, on, work, request, () => {});
  let clone: Volume | undefined;
  try {
    const metadata = { image_owner: volume.project_id ?? '' };
    clone = await cloneAsImage(manager, volume, owner, { display_name: `image-${image.id}`, metadata }, make, signal);
    const store = volume.volume_type?.extra_specs?.['image_service:store_id'];
    const url = store ? `cinder://${store}/${clone.id}` : `cinder://${clone.id}`;
    await images.addLocation(context, image.id, url, store ? { store } : {}, signal);
    await db.volumes.update(clone.id, { metadata: { ...metadata, glance_image_id: image.id } });
    return true;
  } catch (error) {
    if (signal.aborted && isAbort(error)) throw error;
    log.log('WARNING', { error }, 'Image %s cannot be a clone of volume %s: %s', image.id, volume.id, messageOf(error));
    if (clone !== undefined) await removeImageVolume(manager, clone.id, signal);
    return false;
  }
}

function cloneOwner(manager: VolumeManager, { user_id, project_id }: Volume): Tenant | undefined {
  if (manager.settings.image_upload_use_internal_tenant) return internalTenant(manager);
  return user_id && project_id ? { user_id, project_id } : undefined;
}

/** An image that waits for data for ever helps nobody. What cannot be removed is logged. */
async function removeUnfinished({ manager, context, image, signal }: Job): Promise<void> {
  const { images, log } = manager;
  try {
    const { status } = await images.show(context, image.id, signal);
    if (!['queued', 'saving'].includes(status)) return;
    log.warning('Deleting image in unexpected status: %s.', status);
    await images.remove(context, image.id, signal);
  } catch (error) {
    log.warning('Could not delete failed image %s: %s', image.id, messageOf(error));
  }
}

function messageFor(error: unknown): UserMessage {
  switch (error instanceof Error ? error.name : '') {
    case 'DriverNotInitialized':
      return userMessages.uploadNotReady;
    case 'ImageLimitExceeded':
      return userMessages.uploadOverQuota;
    case 'ImageTooBig':
      return userMessages.uploadTooBig;
    default:
      return userMessages.uploadFailed;
  }
}
