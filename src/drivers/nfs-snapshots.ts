import type { ModelUpdate, Progress } from '../interface/volume-driver.ts';
import { InvalidSnapshot, VolumeDriverException } from '../objects/exceptions.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import type { Volume } from '../objects/volume.ts';
import type { NfsBackend } from './nfs-setup.ts';
import { brokenStates, isOnline, offlineStates, onlineStates, refuseOthers } from './nfs-states.ts';
import { inBytes, sizeOf } from './volume-size.ts';

/** Puts a file on top of the volume's; where a guest has that open, Nova moves the guest. */
export async function createSnapshot(
  { values, volumes, assisted }: NfsBackend,
  snapshot: Snapshot,
  volume: Volume,
  signal: AbortSignal,
): Promise<ModelUpdate> {
  if (!values.nfs_snapshot_support) {
    throw new VolumeDriverException('NFS driver snapshot support is disabled in cinder.conf.');
  }
  const online = isOnline(volume);
  refuseOthers(volume, online ? onlineStates : offlineStates, 'volume');
  return volumes.locked(volume, `cannot make snapshot ${snapshot.id}`, signal, async () => {
    const chain = await volumes.chainOf(volume, signal);
    if (online) await assisted.create(chain, volumes.nameOf(volume), snapshot, volume, signal);
    else await chain.addSnapshot(snapshot.id, volume.size, signal);
    return {};
  });
}

/** Notes what Nova has done for a snapshot that was cut off, or throws; nothing is made and nothing removed (manager.md §2.3). */
export async function finishSnapshot(
  { volumes, assisted }: NfsBackend,
  snapshot: Snapshot,
  volume: Volume,
  signal: AbortSignal,
): Promise<ModelUpdate> {
  return volumes.locked(volume, `cannot finish snapshot ${snapshot.id}`, signal, async () => {
    await assisted.finish(await volumes.chainOf(volume, signal), volumes.nameOf(volume), snapshot, volume, signal);
    return {};
  });
}

/** Merges the file of the snapshot into the one below it. What the chain does not know is gone: success (S-10). */
export async function deleteSnapshot(
  { volumes, assisted }: NfsBackend,
  snapshot: Snapshot,
  volume: Volume,
  signal: AbortSignal,
): Promise<void> {
  await volumes.locked(volume, `cannot delete snapshot ${snapshot.id}`, signal, async () => {
    const [place] = await volumes.placesOf(volume, signal);
    if (place === undefined) return;
    const chain = volumes.chainAt(place, volume);
    if (isOnline(volume)) return assisted.remove(chain, snapshot, volume, signal);
    if ((await chain.info(signal))?.[snapshot.id] !== undefined) {
      refuseOthers(volume, [...offlineStates, 'deleting', ...brokenStates], 'volume');
    }
    await chain.removeSnapshot(snapshot.id, signal);
  });
}

/** Gives the volume the data of one of its snapshots. Throws InvalidSnapshot for one that the chain does not know. */
export async function revertToSnapshot(
  { volumes }: NfsBackend,
  volume: Volume,
  snapshot: Snapshot,
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  refuseOthers(volume, offlineStates, 'volume');
  await volumes.locked(volume, `cannot revert volume ${volume.id} to ${snapshot.id}`, signal, async () => {
    const chain = await volumes.chainOf(volume, signal);
    if ((await chain.info(signal))?.[snapshot.id] === undefined) {
      throw new InvalidSnapshot({ reason: `snapshot ${snapshot.id} is not among the files of volume ${volume.id}` });
    }
    await chain.revert(snapshot.id, sizeOf(volume), signal, inBytes(volume, progress));
  });
}
