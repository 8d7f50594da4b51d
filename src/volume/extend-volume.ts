import { isAbort } from '../base/errors.ts';
import type { RequestContext } from '../objects/context.ts';
import type { Volume } from '../objects/volume.ts';
import type { Work } from './claim.ts';
import { type ExtendRequest, recordFailure, recordGrowth, tellGrowth } from './complete-extend.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { userMessages } from './messages.ts';
import { notifyVolume } from './notifications.ts';
import { tellServers } from './tell-servers.ts';

/**
 * Grows a volume (manager.md §8.1). A driver that fails leaves it in `error_extending` with a message for its user, and
 * that is the end of it: no exception leaves the operation then.
 */
export async function extendVolume(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<Volume>,
  request: ExtendRequest,
): Promise<void> {
  const { log } = manager;
  const { resource: volume, signal } = work;
  try {
    const driver = requireDriver(manager);
    await notifyVolume(manager, context, 'resize.start', volume);
    await growOnBackend(manager, () => driver.extendVolume(volume, request.new_size, signal));
  } catch (error) {
    if (signal.aborted && isAbort(error)) throw error;
    log.log('ERROR', { error, resource: volume.id }, 'Extend volume failed.');
    await work.finish((tx) => recordFailure(tx, log, context, volume, request, userMessages.extendFailed));
    return;
  }
  const extended = await work.finish((tx) => recordGrowth(tx, volume, request));
  await tellGrowth(manager, context, extended ?? volume, request.new_size);
  if (extended !== undefined) {
    await tellServers(manager, context, extended, 'volume-extended', userMessages.extendUntold, signal);
  }
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
