import type { Progress } from '../interface/volume-driver.ts';
import type { RequestContext } from '../objects/context.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import type { Volume } from '../objects/volume.ts';
import { copyLocally } from './local-copy.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { makeTemporaryVolume, removeTemporaryVolume } from './temporary.ts';

/**
 * Writes the data of a snapshot over a volume: a volume as large as that is made of the snapshot, under the name `copyName`,
 * copied and removed (manager.md §6.3 step 3). Cut off, it is left for `removeCopies`, and the data of the volume are a mixture.
 */
export async function copyFromSnapshot(
  manager: VolumeManager,
  context: RequestContext,
  { volume, snapshot, copyName }: { volume: Volume; snapshot: Snapshot; copyName: string },
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  const driver = requireDriver(manager);
  const named = { display_name: copyName, snapshot_id: snapshot.id };
  const copy = await makeTemporaryVolume(
    manager,
    context,
    { like: volume, status: 'in-use', ...named },
    (made, stop) => driver.createVolumeFromSnapshot(made, snapshot, stop, () => {}),
    signal,
  );
  try {
    await copyLocally(manager, copy, volume, signal, progress);
  } finally {
    if (!signal.aborted) await removeTemporaryVolume(manager, copy, signal);
  }
}

/** Removes what a `copyFromSnapshot` under that name has left; a user's volume that is called so stays. */
export async function removeCopies(
  manager: VolumeManager,
  copyName: string,
  isOurs: (copy: Volume) => boolean,
  signal: AbortSignal,
): Promise<void> {
  for (const copy of await manager.db.volumes.named(copyName)) {
    if (copy.use_quota === false && isOurs(copy)) await removeTemporaryVolume(manager, copy, signal);
  }
}
