import type { Compute } from '../interface/compute.ts';
import type { RequestContext } from '../objects/context.ts';
import { attachmentsOf, type Volume } from '../objects/volume.ts';
import type { VolumeManager } from './manager.ts';
import { tellUser, type UserMessage } from './messages.ts';

/**
 * Has Nova tell the servers that have the volume, or wait for it, what became of it (manager.md §16). When they cannot be told,
 * the user is: the operation has succeeded all the same.
 */
export async function tellServers(
  { db, compute, log }: Pick<VolumeManager, 'db' | 'compute' | 'log'>,
  context: RequestContext,
  volume: Volume,
  event: Parameters<Compute['tellServers']>[0],
  untold: UserMessage,
  signal: AbortSignal,
): Promise<void> {
  const servers = attachmentsOf(volume).flatMap(({ instance_uuid }) => instance_uuid ?? []);
  if (servers.length === 0) return;
  try {
    await compute.tellServers(event, volume.id, servers, signal);
  } catch (error) {
    log.log('WARNING', { error, resource: volume.id }, 'Nova was not told %s of volume %s', event, volume.id);
    await tellUser(db, log, context, untold, 'VOLUME', volume);
  }
}
