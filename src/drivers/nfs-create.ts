import type { ModelUpdate, Progress } from '../interface/volume-driver.ts';
import { InvalidVolume, VolumeDriverException } from '../objects/exceptions.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import type { Volume } from '../objects/volume.ts';
import { removeRemains } from './nfs-delete.ts';
import type { NfsBackend } from './nfs-setup.ts';
import type { MountedShare } from './nfs-shares.ts';
import { offlineStates, refuseOthers } from './nfs-states.ts';
import type { Whose } from './nfs-volumes.ts';
import type { Image } from './qemu-img.ts';
import { GiB, inBytes, sizeOf } from './volume-size.ts';

/** An empty volume, on the share that is chosen for it (S-16). */
export async function createVolume(nfs: NfsBackend, volume: Volume, signal: AbortSignal): Promise<ModelUpdate> {
  return nfs.volumes.locked(volume, `cannot make volume ${volume.id}`, signal, async () => {
    const size = sizeOf(volume);
    const place = await placeForNew(nfs, volume, signal);
    return make(nfs, place, volume, signal, (image) => fill(nfs, image, size, signal));
  });
}

/** A volume with the data of a snapshot, on the share that is chosen for it (S-13). */
export async function createVolumeFromSnapshot(
  nfs: NfsBackend,
  volume: Volume,
  snapshot: Snapshot,
  signal: AbortSignal,
  progress: Progress,
): Promise<ModelUpdate> {
  const source = sourceOf(snapshot);
  const what = `cannot make volume ${volume.id} from snapshot ${snapshot.id}`;
  return nfs.volumes.locked(source, what, signal, () =>
    nfs.volumes.locked(volume, what, signal, async () => {
      const image = await (await nfs.volumes.chainOf(source, signal)).imageOf(snapshot.id, signal);
      const place = await placeForNew(nfs, volume, signal);
      return copy(nfs, image, volume, place, signal, progress);
    }),
  );
}

/** A volume with the data of another, on the share of its source, as upstream puts it (S-13). */
export async function createClonedVolume(
  nfs: NfsBackend,
  volume: Volume,
  source: Volume,
  signal: AbortSignal,
  progress: Progress,
): Promise<ModelUpdate> {
  const what = `cannot clone volume ${source.id} to ${volume.id}`;
  refuseOthers(source, offlineStates, 'source volume');
  return nfs.volumes.locked(source, what, signal, () =>
    nfs.volumes.locked(volume, what, signal, async () => {
      const place = await nfs.volumes.placeOf(source, signal);
      const image = await nfs.volumes.chainAt(place, source).active(signal);
      await removeRemains(nfs, volume, signal);
      return copy(nfs, image, volume, place, signal, progress);
    }),
  );
}

/** The share for a volume that is not there yet. What an earlier run left under its name goes (S-12, S-16). */
async function placeForNew(nfs: NfsBackend, volume: Volume, signal: AbortSignal): Promise<MountedShare> {
  await removeRemains(nfs, volume, signal);
  return nfs.shares.choose(sizeOf(volume), signal);
}

/** A new file with the data of an image, grown to the size of its volume. */
async function copy(
  nfs: NfsBackend,
  source: Image,
  volume: Volume,
  place: MountedShare,
  signal: AbortSignal,
  progress: Progress,
): Promise<ModelUpdate> {
  const size = sizeOf(volume);
  const { virtualSize } = await nfs.qemu.info(source, signal);
  if (virtualSize > size * GiB) {
    throw new InvalidVolume({ reason: `volume ${volume.id} of ${size} GiB cannot hold ${virtualSize} bytes` });
  }
  return make(nfs, place, volume, signal, async (image) => {
    await nfs.qemu.convert(source, image, signal, inBytes(volume, progress));
    if (virtualSize < size * GiB) await nfs.qemu.resize(image, size, signal);
  });
}

/** Makes the file of a volume; when that fails there is none. */
async function make(
  { values, volumes, files, permissions }: NfsBackend,
  place: MountedShare,
  volume: Volume,
  signal: AbortSignal,
  write: (image: Image) => Promise<void>,
): Promise<ModelUpdate> {
  if (volume.encryption_key_id !== null) {
    throw new VolumeDriverException('Encrypted volumes on NFS are not supported by this release of volume-daemon.');
  }
  const format = values.nfs_qcow2_volumes ? 'qcow2' : 'raw';
  const path = volumes.chainAt(place, volume).pathOf(volumes.nameOf(volume));
  try {
    await write({ path, format });
    await files.chmod(path, permissions, signal);
    signal.throwIfAborted();
  } catch (error) {
    await files.remove(path);
    throw error;
  }
  return { provider_location: place.share, admin_metadata: { format } };
}

async function fill(
  { values, files, qemu }: NfsBackend,
  { path, format }: Image,
  size: number,
  signal: AbortSignal,
): Promise<void> {
  if (format === 'qcow2') await qemu.create(path, size, signal);
  else if (values.nfs_sparsed_volumes) await files.createSparse(path, size, signal);
  else await files.createFull(path, size, signal);
}

function sourceOf({ volume, volume_id }: Snapshot): Whose {
  return volume == null ? { id: volume_id } : { ...volume, id: volume_id };
}
