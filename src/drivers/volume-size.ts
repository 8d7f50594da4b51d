import type { Progress } from '../interface/volume-driver.ts';
import { InvalidVolume } from '../objects/exceptions.ts';
import type { Volume } from '../objects/volume.ts';

export const GiB = 2 ** 30;

/** GiB of a row for which a file can be made. Throws InvalidVolume for what is no such number. */
export function sizeOf(volume: Volume): number {
  if (volume.size > 0 && Number.isSafeInteger(volume.size)) return volume.size;
  throw new InvalidVolume({ reason: `size of volume ${volume.id} is ${volume.size}; expected a number of GiB` });
}

/** Bytes as reports tell them. */
export function inGiB(bytes: number): number {
  return Math.round((bytes / GiB) * 100) / 100;
}

/** Takes progress in parts of any size, and tells it in bytes of the volume. */
export function inBytes(volume: Volume, progress: Progress): Progress {
  return (done, total) => progress((done / total) * volume.size * GiB, volume.size * GiB);
}
