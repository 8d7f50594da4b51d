import { isAbort } from '../base/errors.ts';
import type { RequestContext } from '../objects/context.ts';
import { attachmentsOf, type Volume } from '../objects/volume.ts';
import type { Work } from './claim.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { tellUser, userMessages } from './messages.ts';
import { notifyVolume } from './notifications.ts';
import { tellServers } from './tell-servers.ts';

export interface ExtendRequest {
  /** GiB. */
  readonly new_size: number;
  readonly reservations: readonly string[];
}

/**
 * Grows a volume (manager.md §8.1). A driver that fails leaves it in `error_extending` with a message for its user, and
 * that is the end of it: no exception leaves the operation then.
 */
export async function extendVolume(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<Volume>,
  { new_size, reservations }: ExtendRequest,
): Promise<void> {
  const { log, capabilities, settings } = manager;
  const volume = work.resource;
  const projectId = volume.project_id ?? '';
  try {
    const driver = requireDriver(manager);
    await notifyVolume(manager, context, 'resize.start', volume);
    await growOnBackend(manager, () => driver.extendVolume(volume, new_size, work.signal));
  } catch (error) {
    if (work.signal.aborted && isAbort(error)) throw error;
    log.log('ERROR', { error, resource: volume.id }, 'Extend volume failed.');
    await work.finish(async (tx) => {
      await tellUser(tx, log, context, userMessages.extendFailed, 'VOLUME', volume);
      await tx.volumes.update(volume.id, { status: 'error_extending' }, ['extending']);
      await tx.quotas.rollback(reservations, projectId);
    });
    return;
  }
  const extended = await work.finish(async (tx) => {
    await tx.quotas.commit(reservations, projectId);
    const current = await tx.volumes.get(volume.id);
    const status = current !== undefined && attachmentsOf(current).length > 0 ? 'in-use' : 'available';
    await tx.volumes.update(volume.id, { size: new_size, status }, ['extending']);
    return current;
  });
  capabilities.allocate(volume.host, new_size - volume.size, settings);
  if (extended !== undefined) {
    await tellServers(manager, context, extended, 'volume-extended', userMessages.extendUntold, work.signal);
  }
  await notifyVolume(manager, context, 'resize.end', volume, { size: new_size });
  log.log('INFO', { resource: volume.id }, 'Extend volume completed successfully.');
}

/** A target that still shows the old size is no failure: the volume has grown, and the next connection sees it. */
async function growOnBackend(manager: VolumeManager, extend: () => Promise<void>): Promise<void> {
  try {
    await extend();
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'TargetUpdateFailed') throw error;
    manager.log.log('WARNING', { error }, 'Volume was extended, but its target still shows the old size.');
  }
}
