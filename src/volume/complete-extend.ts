import type { Tables } from '../interface/database.ts';
import type { RequestContext } from '../objects/context.ts';
import { attachmentsOf, type Volume, type VolumeInMessage } from '../objects/volume.ts';
import type { ClaimRequest, Work } from './claim.ts';
import { givingBack, volumeClaim } from './claim-requests.ts';
import type { VolumeManager } from './manager.ts';
import { tellUser, type UserMessage, userMessages } from './messages.ts';
import { notifyVolume } from './notifications.ts';

export interface ExtendRequest {
  /** GiB. */
  readonly new_size: number;
  readonly reservations: readonly string[];
}

/** What Nova has come to, which grew the volume in place of the backend. */
export interface ExtendCompletion extends ExtendRequest {
  readonly error: boolean;
}

/**
 * The claim of an extend_volume_completion writes its outcome: nothing but these rows knows the new size, so that a crash
 * must find either the message or all of it (rpc.md R-07).
 */
export function completionClaim(
  { log }: Pick<VolumeManager, 'log'>,
  context: RequestContext,
  message: VolumeInMessage,
  completion: ExtendCompletion,
): ClaimRequest<Volume> {
  return {
    ...volumeClaim('extend_volume_completion', message, ['extending']),
    ...givingBack(completion.reservations),
    also: async (tx, volume) => {
      if (completion.error) await recordFailure(tx, log, context, volume, completion, userMessages.extendUntold);
      else await recordGrowth(tx, volume, completion);
    },
  };
}

/**
 * Ends an extend that Nova did, once its outcome is recorded (manager.md §8.1). Cut off, the rows are right, and nobody is
 * notified.
 */
export async function completeExtend(
  manager: VolumeManager,
  context: RequestContext,
  { resource: volume, finish }: Work<Volume>,
  { new_size, error }: ExtendCompletion,
): Promise<void> {
  await finish(async () => {});
  if (!error) await tellGrowth(manager, context, volume, new_size);
  else
    manager.log.log(
      'ERROR',
      { resource: volume.id },
      'Extend volume failed: Nova could not resize volume %s.',
      volume.id,
    );
}

/** The volume has its new size and is no longer `extending`; the reservations are used up. As it was before, where it is. */
export async function recordGrowth(
  tx: Tables,
  { id, project_id }: Volume,
  { new_size, reservations }: ExtendRequest,
): Promise<Volume | undefined> {
  await tx.quotas.commit(reservations, project_id ?? '');
  const current = await tx.volumes.get(id);
  await tx.volumes.update(id, { size: new_size, status: settledStatus(current) }, ['extending']);
  return current;
}

function settledStatus(volume: Volume | undefined): string {
  return volume !== undefined && attachmentsOf(volume).length > 0 ? 'in-use' : 'available';
}

/** The volume is in `error_extending` with a message for its user; the reservations are given back. */
export async function recordFailure(
  tx: Tables,
  log: VolumeManager['log'],
  context: RequestContext,
  volume: Volume,
  { reservations }: ExtendRequest,
  message: UserMessage,
): Promise<void> {
  await tellUser(tx, log, context, message, 'VOLUME', volume);
  await tx.volumes.update(volume.id, { status: 'error_extending' }, ['extending']);
  await tx.quotas.rollback(reservations, volume.project_id ?? '');
}

/** Counts and tells of what a volume has grown by; `volume` is as it was before. */
export async function tellGrowth(
  manager: VolumeManager,
  context: RequestContext,
  volume: Volume,
  newSize: number,
): Promise<void> {
  const { log, capabilities, settings } = manager;
  capabilities.allocate(volume.host, newSize - volume.size, settings);
  const grown = { ...volume, size: newSize, status: settledStatus(volume) };
  await notifyVolume(manager, context, 'resize.end', grown);
  log.log('INFO', { resource: volume.id }, 'Extend volume completed successfully.');
}
