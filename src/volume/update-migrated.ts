import type { VolumeChanges } from '../interface/volume-table.ts';
import { nameIdOf, type Volume } from '../objects/volume.ts';
import { requireVolume } from './loading.ts';
import { requireDriver, type VolumeManager } from './manager.ts';

/**
 * Runs where a volume was migrated to: its driver may give the data the name that they had (manager.md §9.4). The row gets
 * what is true of it from now on, and the row of the destination what was true before. Repeated, it writes nothing.
 */
export async function updateMigratedVolume(
  manager: VolumeManager,
  volumeId: string,
  newVolumeId: string,
  status: string,
  signal: AbortSignal,
): Promise<null> {
  const driver = requireDriver(manager);
  const volume = await requireVolume(manager.db, volumeId);
  const newVolume = await requireVolume(manager.db, newVolumeId);
  const defaults = { _name_id: nameIdOf(newVolume), provider_location: newVolume.provider_location };
  const update = driver.updateMigratedVolume
    ? await driver.updateMigratedVolume(volume, newVolume, status, signal)
    : defaults;
  const wanted = { ...defaults, ...update };
  // Where nothing is renamed the two rows have changed their places of the data: doing so again would undo it.
  if (isWritten(volume, wanted) || (!driver.updateMigratedVolume && volume._name_id === newVolume.id)) return null;
  const before: VolumeChanges = Object.fromEntries(Object.keys(update).map((key) => [key, columnOf(volume, key)]));
  await manager.db.transaction(async (tx) => {
    if (Object.keys(before).length > 0) await tx.volumes.update(newVolume.id, before);
    await tx.volumes.update(volume.id, wanted);
  });
  manager.log.log('INFO', { resource: volume.id }, 'Update migrated volume completed successfully.');
  return null;
}

function isWritten(volume: Volume, wanted: VolumeChanges): boolean {
  return Object.entries(wanted).every(([key, value]) => columnOf(volume, key) === value);
}

function columnOf(volume: Volume, key: string): unknown {
  return Object.entries(volume).find(([name]) => name === key)?.[1] ?? null;
}
