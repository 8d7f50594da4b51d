import { messageOf } from '../base/errors.ts';
import { ProcessExecutionError } from '../interface/executor.ts';
import type { ImageFile } from '../interface/image-files.ts';
import type { Image, Transfer } from '../interface/image-service.ts';
import type { RequestContext } from '../objects/context.ts';
import {
  ImageCopyFailure,
  ImageSignatureVerificationException,
  ImageUnacceptable,
  InvalidSignatureImage,
} from '../objects/image-exceptions.ts';
import type { Volume } from '../objects/volume.ts';
import { requireDriver, type VolumeManager } from './manager.ts';

const GiB = 2 ** 30;

/** The file of an image, which was found to be safe and to fit. */
export interface Fetched {
  readonly file: ImageFile;
  /** Undefined where signatures are not looked at. */
  readonly verified: boolean | undefined;
}

/**
 * Downloads an image and runs `body` with its file, which is gone afterwards (manager.md §4.4 step 5 a, c to e). Nobody reads
 * the file before it was inspected.
 */
export async function withImageFile<T>(
  manager: VolumeManager,
  context: RequestContext,
  image: Image,
  volume: Volume,
  transfer: Transfer,
  body: (fetched: Fetched) => Promise<T>,
): Promise<T> {
  const { imageFiles, images, log, settings } = manager;
  await imageFiles.checkRoom(image.size ?? 0, image.id);
  return imageFiles.withFile('image_fetch', image.id, async (path) => {
    const began = performance.now();
    await images.download(context, image, path, transfer);
    const seconds = Math.max(0.001, (performance.now() - began) / 1000);
    const size = (image.size ?? 0) / 2 ** 20;
    log.info('Image download %.2f MB at %.2f MB/s', size, size / seconds);
    const verified = settings.verify_glance_signatures === 'enabled' ? verify(image) : undefined;
    // A disk that fits may still be a little more than that as a file.
    const file = await imageFiles.inspect(path, image, volume.size * GiB * 1.25 + 64 * 2 ** 20, transfer.signal);
    checkVirtualSize(file.virtualSize, volume.size, image.id);
    return body({ file, verified });
  });
}

/** Writes an image into a volume that is there (manager.md §4.4 step 5 g). `blank`: the volume reads as zeros. */
export async function writeImage(
  manager: VolumeManager,
  image: Image,
  file: ImageFile,
  volume: Volume,
  blank: boolean,
  transfer: Transfer,
): Promise<void> {
  const driver = requireDriver(manager);
  try {
    if (driver.withLocalPath === undefined) throw new Error(`the volumes of ${driver.name} are no files of this host`);
    await driver.withLocalPath(
      volume,
      { write: true },
      async (path, format) => {
        manager.imageFiles.checkConversion(image, format, false);
        await manager.imageFiles.writeToVolume(file, { path, format }, blank, transfer);
      },
      transfer.signal,
    );
  } catch (error) {
    if (transfer.signal.aborted) throw error;
    if (error instanceof Error && passed.has(error.name)) throw error;
    manager.log.log(
      'ERROR',
      { error, resource: volume.id },
      'Failed to copy image %s to volume: %s',
      image.id,
      volume.id,
    );
    const reason = error instanceof ProcessExecutionError && error.stderr !== '' ? error.stderr : messageOf(error);
    throw new ImageCopyFailure({ reason: reason.trim() }, { cause: error });
  }
}

const passed = new Set(['ImageUnacceptable', 'ImageTooBig', 'ImageConversionNotAllowed', 'ImageCopyFailure']);

/** GiB that the disk in an image needs. Throws ImageUnacceptable when the volume is smaller. */
export function checkVirtualSize(bytes: number, volumeSize: number, imageId: string): number {
  const size = Math.max(1, Math.ceil(bytes / GiB));
  if (size <= volumeSize) return size;
  const reason = `Image virtual size is ${size}GB and doesn't fit in a volume of size ${volumeSize}GB.`;
  throw new ImageUnacceptable({ image_id: imageId, reason });
}

const signature = [
  'img_signature',
  'img_signature_hash_method',
  'img_signature_certificate_uuid',
  'img_signature_key_type',
];

/** An unsigned image is not verified, and no worse for it. Certificates live in a key manager, which we cannot ask. */
function verify({ id, properties }: Image): false {
  const given = signature.filter((key) => properties[key] !== undefined);
  if (given.length === 0) return false;
  if (given.length < signature.length) throw new InvalidSignatureImage({ image_id: id });
  throw new ImageSignatureVerificationException({ reason: `Failed to get verifier for image: ${id}` });
}
