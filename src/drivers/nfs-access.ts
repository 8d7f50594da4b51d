import { basename } from 'node:path';
import type { ConnectionInfo, LocalFormat } from '../interface/volume-driver.ts';
import { InvalidVolume } from '../objects/exceptions.ts';
import type { Volume } from '../objects/volume.ts';
import { refuseAttached } from './connections.ts';
import type { NfsBackend } from './nfs-setup.ts';
import { attempt } from './storage-failure.ts';
import { GiB } from './volume-size.ts';

/** Throws unless the file that hosts would open is there. There is nothing to export: hosts mount the share. */
export async function checkExport({ volumes }: NfsBackend, volume: Volume, signal: AbortSignal): Promise<void> {
  const find = async () => (await volumes.chainOf(volume, signal)).active(signal);
  await attempt(`cannot export volume ${volume.id}`, find, signal);
}

/** Which file of which share a host opens. Throws InvalidVolume where a guest has made its header tell another size. */
export async function connect(
  { volumes, shares, qemu, logger, mountBase }: NfsBackend,
  volume: Volume,
  signal: AbortSignal,
): Promise<ConnectionInfo> {
  const look = async (): Promise<ConnectionInfo> => {
    const place = await volumes.placeOf(volume, signal);
    const image = await volumes.chainAt(place, volume).active(signal);
    const { virtualSize } = await qemu.info(image, signal);
    if (virtualSize !== volume.size * GiB) {
      const reason = 'The volume virtual_size does not match the size in cinder, aborting as we suspect an exploit.';
      logger.error(`${reason} Virtual Size is %s and real size is %s`, virtualSize, volume.size);
      throw new InvalidVolume({ reason });
    }
    const options = shares.optionsOf(place.share);
    const name = basename(image.path);
    return {
      driver_volume_type: 'nfs',
      data: { export: place.share, name, ...(options === undefined ? {} : { options }), format: image.format },
      mount_point_base: mountBase,
    };
  };
  return attempt(`cannot connect volume ${volume.id}`, look, signal);
}

/** Has the volume's lock for as long as `body` works on its file. */
export async function withLocalPath<T>(
  { volumes }: NfsBackend,
  volume: Volume,
  { write }: { readonly write: boolean },
  body: (path: string, format: LocalFormat) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  if (write) refuseAttached(volume);
  const open = async () => (await volumes.chainOf(volume, signal)).active(signal);
  const use = async (): Promise<T> => {
    const { path, format } = await attempt(`cannot open volume ${volume.id}`, open, signal);
    return body(path, format);
  };
  return volumes.withLock(volume, use, signal);
}
