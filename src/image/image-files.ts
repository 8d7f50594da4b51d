import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { Logger } from '../base/log.ts';
import { type Executor, ProcessExecutionError } from '../interface/executor.ts';
import type { ImageFile, ImageFiles, LocalData } from '../interface/image-files.ts';
import type { Image } from '../interface/image-service.ts';
import type { ServiceHost } from '../objects/host.ts';
import { ImageConversionNotAllowed, ImageTooBig, ImageUnacceptable } from '../objects/image-exceptions.ts';
import { ConversionFolder } from './conversion-folder.ts';
import { readHeader } from './header.ts';
import type { ImageValues } from './options.ts';
import { QemuImg, qemuFormat } from './qemu-img.ts';

/** What the image room uses. */
export interface ImageFilesParts {
  readonly exec: Executor;
  readonly values: ImageValues;
  readonly host: ServiceHost;
  /** `cinder.image.image_utils` */
  readonly log: Logger;
}

/** Images as files: inspected in our own code, converted by qemu-img. */
export function imageFiles({ exec, values, host, log }: ImageFilesParts): ImageFiles {
  const folder = new ConversionFolder(values.image_conversion_dir, host, log);
  const limits = {
    cpuSeconds: values.image_conversion_cpu_limit,
    addressSpace: values.image_conversion_address_space_limit * 2 ** 30,
  };
  const qemu = new QemuImg(exec, limits);
  return {
    checkRoom: (bytes, imageId) => folder.checkRoom(bytes, imageId),
    withFile: (purpose, imageId, body) => folder.withFile(purpose, imageId, body),
    sweep: () => folder.sweep(),

    checkConversion(image, volume, upload) {
      const format = image.disk_format ?? 'raw';
      if (!values.image_conversion_disable || format === volume) return;
      throw new ImageConversionNotAllowed({ image_id: image.id, reason: conversionRefused(format, volume, upload) });
    },

    async inspect(path, image, most, signal) {
      if (image.container_format === 'compressed') {
        if (!values.allow_compression_on_image_upload) {
          refuse(image, 'Image compression disallowed, but container_format is compressed.');
        }
        await unpack(folder, path, image, most, signal);
      }
      return inspect(qemu, path, image, values.vmdk_allowed_types, signal);
    },

    async writeToVolume(image, volume, blank, transfer) {
      if (!blank) await clearTail(exec, image, volume, transfer.signal);
      await qemu.convert({ from: image, to: volume, onto: { blank }, size: image.virtualSize }, transfer);
    },

    async makeFromVolume(volume, image, path, transfer) {
      const format = qemuFormat(image.disk_format ?? 'raw');
      const compress = values.image_compress_on_upload && format === 'qcow2';
      const { size } = await stat(volume.path);
      await qemu.convert({ from: volume, to: { path, format }, compress, size }, transfer);
      const made = await readHeader(path, values.vmdk_allowed_types);
      if (made.format !== format) refuse(image, `Converted to ${format}, but format is now ${made.format}`);
    },
  };
}

/** Our own look first, then qemu-img's, held against each other and against what the image claims. */
async function inspect(
  qemu: QemuImg,
  path: string,
  image: Image,
  allowedVmdk: readonly string[],
  signal: AbortSignal,
): Promise<ImageFile> {
  const { format, danger } = await readHeader(path, allowedVmdk);
  if (danger !== undefined) refuse(image, danger);
  const claimed = qemuFormat(image.disk_format ?? 'raw');
  if (claimed !== format) {
    refuse(
      image,
      `The image format was claimed to be '${claimed}' but the image data appears to be in a different format.`,
    );
  }
  if (format === 'raw') return { path, format, virtualSize: (await stat(path)).size };
  try {
    const { virtualSize, other } = await qemu.info(path, format, signal);
    if (other !== undefined) refuse(image, `fmt=${format} backed by: ${other}`);
    if (format === 'qcow2' && !(await qemu.isWhole(path, signal))) refuse(image, damaged);
    return { path, format, virtualSize };
  } catch (error) {
    if (!(error instanceof ProcessExecutionError)) throw error;
    const missing =
      'qemu-img is not installed and image is not of type RAW.  Only RAW images can be used if qemu-img is not installed.';
    const reason = error.exitCode === undefined ? missing : `'qemu-img info' parsing failed. ${lastLine(error)}`;
    throw new ImageUnacceptable({ image_id: image.id, reason: reason.trim() }, { cause: error });
  }
}

const damaged = "'qemu-img check' finds that it is damaged or was cut off";

/** Replaces a gzip file by what is in it. */
async function unpack(
  folder: ConversionFolder,
  path: string,
  image: Image,
  most: number,
  signal: AbortSignal,
): Promise<void> {
  const handle = await open(path, 'r');
  const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0).finally(() => handle.close());
  if (buffer.readUInt16BE(0) !== 0x1f8b) {
    refuse(image, 'Unsupported compressed image format found. Only gzip is supported currently');
  }
  await folder.withFile('image_fetch', image.id, async (unpacked) => {
    try {
      const target = createWriteStream(unpacked);
      await pipeline(createReadStream(path), createGunzip(), atMost(most, image), target, { signal });
      await rename(unpacked, path);
    } catch (error) {
      if (signal.aborted || error instanceof ImageUnacceptable) throw error;
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'ENOSPC' && code !== 'EDQUOT') refuse(image, `it cannot be unpacked: ${message}`, error);
      throw new ImageTooBig({ image_id: image.id, reason: `there is no room for it unpacked: ${message}` });
    }
  });
}

/** Few bytes can unpack to very many. */
function atMost(most: number, image: Image) {
  return async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let size = 0;
    for await (const chunk of chunks) {
      size += chunk.length;
      if (size > most) refuse(image, `unpacked it is larger than ${most} bytes`);
      yield chunk;
    }
  };
}

/** What stood behind the end of a smaller image: a volume that is imaged anew shows nothing of its old data. */
async function clearTail(exec: Executor, image: ImageFile, volume: LocalData, signal: AbortSignal): Promise<void> {
  if (volume.format !== 'raw') return;
  const rest = (await stat(volume.path)).size - image.virtualSize;
  if (rest <= 0) return;
  const words = ['--punch-hole', '--offset', String(image.virtualSize), '--length', String(rest), volume.path];
  await exec.run('fallocate', words, { signal });
}

function refuse(image: Pick<Image, 'id'>, reason: string, cause?: unknown): never {
  throw new ImageUnacceptable({ image_id: image.id, reason }, { cause });
}

function lastLine({ stderr, stdout }: ProcessExecutionError): string {
  return (stderr.trim() || stdout.trim()).split('\n').at(-1)?.slice(0, 300) ?? '';
}

function conversionRefused(format: string, volume: string, upload: boolean): string {
  const begin = 'Image conversion is disabled. ';
  return upload
    ? `${begin}The image disk_format you have requested is '${format}', but your volume can only be uploaded in the ` +
        `format '${volume}'.`
    : `${begin}The volume type you have requested requires that the image it is being created from be in '${volume}' ` +
        `format, but the image you are using has the disk_format property '${format}'. You must use an image with the ` +
        `disk_format property '${volume}' to create a volume of this type.`;
}
