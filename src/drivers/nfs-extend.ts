import { ExtendVolumeError } from '../objects/exceptions.ts';
import type { Volume } from '../objects/volume.ts';
import { isAttached } from './connections.ts';
import type { NfsBackend } from './nfs-setup.ts';
import { GiB } from './volume-size.ts';

/**
 * Grows a volume, which nobody has open, to `newSize` GiB; success when it has that size already (S-17). Throws
 * ExtendVolumeError where its file, a guest or the space on its share is in the way.
 */
export async function extendVolume(
  { volumes, shares, qemu }: NfsBackend,
  volume: Volume,
  newSize: number,
  signal: AbortSignal,
): Promise<void> {
  await volumes.locked(volume, `cannot extend volume ${volume.id}`, signal, async () => {
    const place = await volumes.placeOf(volume, signal);
    const image = await volumes.chainAt(place, volume).active(signal);
    const { virtualSize } = await qemu.info(image, signal);
    if (virtualSize < volume.size * GiB || virtualSize > newSize * GiB) {
      const reason = `${image.path} has ${virtualSize} bytes; expected from ${volume.size} to ${newSize} GiB`;
      throw new ExtendVolumeError({ reason });
    }
    if (virtualSize === newSize * GiB) return;
    if (isAttached(volume)) {
      throw new ExtendVolumeError({ reason: `Cannot extend volume ${volume.id} while it is attached.` });
    }
    if (!(await shares.canGrow(place, newSize - virtualSize / GiB, signal))) {
      throw new ExtendVolumeError({ reason: `Insufficient space to extend volume ${volume.id} to ${newSize}G` });
    }
    await qemu.resize(image, newSize, signal);
  });
}
