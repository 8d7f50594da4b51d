import { createHash, getHashes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { dirname } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createGzip } from 'node:zlib';
import { messageOf } from '../base/errors.ts';
import type { Image, Transfer } from '../interface/image-service.ts';
import { ImageDownloadFailed, ImageTooBig } from '../objects/image-exceptions.ts';
import { HttpUnanswered } from './http.ts';

/** Read at once from a file: few enough that hashing them holds nobody up, enough that few reads are needed. */
const chunkSize = 256 * 1024;

/** Writes what comes from Glance into a file, and holds it against the size and the hash that Glance has. */
export async function receive(
  source: Readable,
  image: Image,
  file: string,
  { signal, progress }: Transfer,
): Promise<void> {
  const sum = sumOf(image);
  const total = image.size ?? 0;
  let done = 0;
  const measure = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      sum?.hash.update(chunk);
      done += chunk.length;
      progress(done, Math.max(total, done));
      yield chunk;
    }
  };
  try {
    await pipeline(source, measure, createWriteStream(file), { signal });
  } catch (error) {
    throw transferFailure(error, image, file, signal);
  }
  if (image.size !== null && done !== image.size) {
    throw new HttpUnanswered(`the data of image ${image.id} ended after ${done} of ${image.size} bytes`);
  }
  const found = sum?.hash.digest('hex');
  if (sum !== undefined && found !== sum.expected) {
    const reason = `Corrupt image download. Hash was ${found} expected ${sum.expected}`;
    throw new ImageDownloadFailed({ image_href: image.id, reason });
  }
}

/** The bytes of a file, compressed where asked for; `read` is told how many were read so far. */
export function sourceOf(
  file: string,
  how: { readonly gzip: boolean; readonly read: (bytes: number) => void } = { gzip: false, read: () => {} },
): Readable {
  const source = createReadStream(file, { highWaterMark: chunkSize });
  source.on('data', () => how.read(source.bytesRead));
  const target = how.gzip ? createGzip() : new PassThrough();
  // A file that cannot be read ends the request with its reason; the other way round nothing is left to tell.
  source.once('error', (error) => target.destroy(error));
  target.once('close', () => source.destroy());
  return source.pipe(target);
}

/** The file of this machine in which Glance keeps the image, where it says so. */
export function directFile(image: Image): string | undefined {
  const url = image.locations.find((location) => location.startsWith('file://'));
  return url === undefined ? undefined : fileURLToPath(url);
}

/** The better of the two hashes that Glance may have. */
function sumOf(image: Image) {
  const { os_hash_algo: algorithm, os_hash_value: value, checksum } = image;
  if (algorithm !== null && value !== null && getHashes().includes(algorithm)) {
    return { hash: createHash(algorithm), expected: value };
  }
  return checksum === null || !getHashes().includes('md5')
    ? undefined
    : { hash: createHash('md5'), expected: checksum };
}

/** Ours to heal is a full disk; the rest is a transfer that broke off, and may be tried again. */
function transferFailure(error: unknown, image: Image, file: string, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  const { code, errno } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const reason = `No space left in image_conversion_dir path (${dirname(file)}) while fetching image ${image.id}.`;
    return new ImageTooBig({ image_id: image.id, reason }, { cause: error });
  }
  if (code === 'EACCES' || code === 'ENOENT' || code === 'EIO' || code === 'EROFS') {
    return new ImageDownloadFailed({ image_href: image.id, reason: `IOError: ${errno} ${messageOf(error)}` });
  }
  return new HttpUnanswered(`the data of image ${image.id} broke off: ${messageOf(error)}`, { cause: error });
}
