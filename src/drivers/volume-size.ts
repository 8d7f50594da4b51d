import type { Progress } from '../interface/volume-driver.ts';
import { InvalidVolume } from '../objects/exceptions.ts';
import type { Volume } from '../objects/volume.ts';

export const GiB = 2 ** 30;

/** More bytes than this many GiB are no exact number. */
const most = (Number.MAX_SAFE_INTEGER + 1) / GiB - 1;

/** GiB of a row for which a file can be made. Throws InvalidVolume for what is no such number. */
export function sizeOf({ id, size }: Volume): number {
  if (Number.isInteger(size) && size >= 1 && size <= most) return size;
  throw new InvalidVolume({ reason: `size of volume ${id} is ${size}; expected a number of GiB from 1 to ${most}` });
}

/** Bytes as reports tell them. */
export function inGiB(bytes: number): number {
  return Math.round((bytes / GiB) * 100) / 100;
}

/** Takes progress in parts of any size, and tells it in bytes of the volume. */
export function inBytes(volume: Volume, progress: Progress): Progress {
  return (done, total) => progress((done / total) * volume.size * GiB, volume.size * GiB);
}
