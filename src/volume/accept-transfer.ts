import { isAbort } from '../base/errors.ts';
import type { ModelUpdate } from '../interface/volume-driver.ts';
import { requireVolume } from './loading.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { writeUpdate } from './model-update.ts';

export interface TransferRequest {
  readonly volume_id: string;
  readonly new_user: string;
  readonly new_project: string;
}

/**
 * Tells the backend that another project will own the volume (manager.md §12.6). Resolves to what the driver wants written,
 * which is written then; null where it has nothing to say. The API changes the owner itself.
 */
export async function acceptTransfer(
  manager: VolumeManager,
  { volume_id, new_user, new_project }: TransferRequest,
  signal: AbortSignal,
): Promise<ModelUpdate | null> {
  const driver = requireDriver(manager);
  const volume = await requireVolume(manager.db, volume_id);
  const update = (await driver.acceptTransfer?.(volume, new_user, new_project, signal)) ?? null;
  if (update !== null) {
    try {
      await manager.db.transaction((tx) => writeUpdate(tx, volume, update, {}));
    } catch (error) {
      if (isAbort(error)) throw error;
      manager.log.log('ERROR', { error, resource: volume.id }, 'What the driver made of the transfer was not written');
      await manager.db.volumes.update(volume.id, { status: 'error' });
      throw error;
    }
  }
  manager.log.log('INFO', { resource: volume.id }, 'Transfer volume completed successfully.');
  return update;
}
