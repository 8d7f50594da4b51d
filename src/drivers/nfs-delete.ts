import { VolumeIsBusy } from '../objects/exceptions.ts';
import type { Volume } from '../objects/volume.ts';
import type { NfsBackend } from './nfs-setup.ts';
import type { VolumeChain } from './volume-chain.ts';

/** Removes a volume wherever it stands. Throws VolumeIsBusy while it has snapshots (S-14); absence is success (S-10). */
export async function deleteVolume(nfs: NfsBackend, volume: Volume, signal: AbortSignal): Promise<void> {
  const { volumes } = nfs;
  await volumes.locked(volume, `cannot delete volume ${volume.id}`, signal, async () => {
    for (const place of await volumes.placesOf(volume, signal)) {
      const chain = volumes.chainAt(place, volume);
      if ((await chain.snapshots(signal)).length > 0) throw new VolumeIsBusy({ volume_name: volumes.nameOf(volume) });
      await removeFiles(nfs, chain, signal);
    }
  });
}

/** Removes, from every share, what an earlier run left of a volume that is to be made. The caller has its lock. */
export async function removeRemains(nfs: NfsBackend, volume: Volume, signal: AbortSignal): Promise<void> {
  const { shares, volumes } = nfs;
  for (const place of await shares.withFile(volumes.nameOf(volume), signal)) {
    await removeFiles(nfs, volumes.chainAt(place, volume), signal);
  }
}

async function removeFiles({ files }: NfsBackend, chain: VolumeChain, signal: AbortSignal): Promise<void> {
  await files.remove(...(await chain.all(signal)).map((file) => chain.pathOf(file)));
}
