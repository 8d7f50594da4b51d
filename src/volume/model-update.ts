import type { Tables } from '../interface/database.ts';
import type { ModelUpdate } from '../interface/volume-driver.ts';
import type { VolumeChanges } from '../interface/volume-table.ts';
import type { Volume } from '../objects/volume.ts';

/** Writes what a driver wants of a volume, and `columns` with it, while its status is expected. False when it is not. */
export async function writeUpdate(
  tx: Tables,
  volume: Volume,
  update: ModelUpdate,
  columns: VolumeChanges,
  expected?: readonly string[],
): Promise<boolean> {
  const { metadata, admin_metadata = {}, ...own } = update;
  const merged = metadata === undefined ? {} : { metadata: { ...volume.metadata, ...metadata } };
  if (!(await tx.volumes.update(volume.id, { ...own, ...merged, ...columns }, expected))) return false;
  for (const [key, value] of Object.entries(admin_metadata)) await tx.volumes.setAdminMetadata(volume.id, key, value);
  return true;
}
