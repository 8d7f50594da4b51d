import { isAbort, messageOf } from '../base/errors.ts';
import type { Image, Transfer } from '../interface/image-service.ts';
import type { ModelUpdate } from '../interface/volume-driver.ts';
import type { RequestContext } from '../objects/context.ts';
import { InvalidInput } from '../objects/exceptions.ts';
import { ImageUnacceptable } from '../objects/image-exceptions.ts';
import type { Volume } from '../objects/volume.ts';
import type { Work } from './claim.ts';
import { addToCache, cachedVolume, cacheTenant, evict } from './image-cache.ts';
import { checkVirtualSize, withImageFile, writeImage } from './image-data.ts';
import { volumeAtLocation } from './image-location.ts';
import { propertiesOf } from './image-properties.ts';
import type { MakeVolume, Tenant } from './image-volume.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { tellUser, type UserMessage, userMessages } from './messages.ts';
import { writeUpdate } from './model-update.ts';

/** A create from an image under way. */
interface Job extends Transfer {
  readonly manager: VolumeManager;
  readonly context: RequestContext;
  readonly work: Work<Volume>;
  readonly image: Image;
  /** Makes a further volume, such as one for the cache. */
  readonly make: MakeVolume;
}

export interface MadeFromImage {
  readonly update: ModelUpdate;
  /** What the volume remembers of its image. */
  readonly imageProperties: Readonly<Record<string, string>>;
}

/**
 * Makes a volume from an image (manager.md §4.4): by the driver, by a clone of a volume that holds the image already, or by
 * a download. What the user should know of a failure is told in a message.
 */
export async function createFromImage(
  parts: Pick<Job, 'manager' | 'context' | 'work' | 'make' | 'progress'>,
  imageId: string,
): Promise<MadeFromImage> {
  const { manager, context, work } = parts;
  const { signal } = work;
  try {
    const image = await manager.images.show(context, imageId, signal);
    refuseUnfit(image, work.resource);
    return await make({ ...parts, image, signal });
  } catch (error) {
    const message = messageFor(error);
    if (message !== undefined) await tellUser(manager.db, manager.log, context, message, 'VOLUME', work.resource);
    throw error;
  }
}

function refuseUnfit(image: Image, volume: Volume): void {
  if (image.virtual_size !== null) checkVirtualSize(image.virtual_size, volume.size, image.id);
  if (image.min_disk > volume.size) {
    const reason = `Volume size ${volume.size}GB cannot be smaller than the image minDisk size ${image.min_disk}GB.`;
    throw new ImageUnacceptable({ image_id: image.id, reason });
  }
  if (volume.encryption_key_id !== null && image.properties['cinder_encryption_key_id'] === undefined) {
    throw new InvalidInput({ reason: 'this release of volume-daemon encrypts no data of images' });
  }
}

/** The ways in upstream's order; the first that works is taken. */
async function make(job: Job): Promise<MadeFromImage> {
  const { manager, context, work, image, signal } = job;
  const volume = work.resource;
  const plain = volume.encryption_key_id === null;
  const driver = requireDriver(manager);
  const cloned = plain ? await driver.cloneImage?.(volume, image, signal) : undefined;
  if (cloned !== undefined) return { update: cloned, imageProperties: propertiesOf(image, undefined) };
  const located = plain ? await volumeAtLocation(manager, image, volume) : undefined;
  const ofLocation = located && (await cloneOf(job, located));
  if (ofLocation !== undefined) return ofLocation;
  const tenant = cacheTenant(manager, volume);
  if (tenant === undefined) return download(job, undefined);
  const known = await manager.coordinator.withLock(
    image.id,
    async () => {
      const cached = await cachedVolume(manager, context, image, volume, signal);
      return cached === undefined ? { made: await download(job, tenant) } : { cached };
    },
    signal,
  );
  if (known.made !== undefined) return known.made;
  return (await cloneOf(job, known.cached, true)) ?? download(job, undefined);
}

/** A clone of a volume that holds the image; undefined, and a warning, where that does not work. */
async function cloneOf(job: Job, source: Volume, isCached = false): Promise<MadeFromImage | undefined> {
  const { manager, context, work, image, signal, progress } = job;
  const { driver, coordinator, log } = manager;
  try {
    const update = await coordinator.withLock(
      `${source.id}-delete_volume`,
      () => driver.createClonedVolume(work.resource, source, signal, progress),
      signal,
    );
    return { update, imageProperties: propertiesOf(image, undefined) };
  } catch (error) {
    if (signal.aborted && isAbort(error)) throw error;
    const [kind, reason] = [error instanceof Error ? error.name : '', messageOf(error)];
    log.log('WARNING', { error }, 'Cloning image %s from volume %s failed: %s', image.id, source.id, reason);
    // As many copies hang on it as the backend allows: the next volume begins a new one.
    if (isCached && kind === 'SnapshotLimitReached') {
      await evict(manager, context, { volume_id: source.id, image_id: image.id, host: source.host ?? '' }, signal);
    }
    return undefined;
  }
}

/**
 * Downloads the image into a new volume. With a `tenant` a copy is kept for it, which is as small as the image allows: the
 * volume itself grows to its size afterwards (manager.md §4.4 step 5). The row says its full size all the time.
 */
async function download(job: Job, tenant: Tenant | undefined): Promise<MadeFromImage> {
  const { manager, context, work, image, signal, progress } = job;
  const driver = requireDriver(manager);
  const volume = work.resource;
  const transfer = { signal, progress };
  return withImageFile(manager, context, image, volume, transfer, async ({ file, verified }) => {
    const size = tenant === undefined ? volume.size : checkVirtualSize(file.virtualSize, volume.size, image.id);
    const update = await driver.createVolume({ ...volume, size }, signal);
    const { metadata: _, admin_metadata: __, ...columns } = update;
    await work.recordStatus('downloading', (tx) =>
      writeUpdate(tx, volume, update, { status: 'downloading' }, ['creating', 'downloading']),
    );
    const made: Volume = { ...volume, ...columns, size, status: 'downloading' };
    await writeImage(manager, image, file, made, true, transfer);
    if (tenant !== undefined) await addToCache(manager, context, tenant, image, made, job.make, signal);
    if (size !== volume.size) await driver.extendVolume(made, volume.size, signal);
    return { update, imageProperties: propertiesOf(image, verified) };
  });
}

function messageFor(error: unknown): UserMessage | undefined {
  switch (error instanceof Error ? error.name : '') {
    case 'ImageTooBig':
      return userMessages.imageTooBig;
    case 'ImageConversionNotAllowed':
      return userMessages.imageConversion;
    case 'ImageSignatureVerificationException':
    case 'InvalidSignatureImage':
      return userMessages.imageSignature;
    default:
      return undefined;
  }
}
