import { isAbort, messageOf } from '../base/errors.ts';
import type { Tables } from '../interface/database.ts';
import type { ModelUpdate } from '../interface/volume-driver.ts';
import type { RequestContext } from '../objects/context.ts';
import { InvalidVolume, VolumeMigrationFailed, VolumeTypeNotFound } from '../objects/exceptions.ts';
import { serviceOf } from '../objects/host.ts';
import type { Volume } from '../objects/volume.ts';
import type { VolumeType } from '../objects/volume-type.ts';
import type { Work } from './claim.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { move } from './migrate-volume.ts';
import type { DestinationHost } from './migration-request.ts';
import { writeUpdate } from './model-update.ts';
import { notifyVolume } from './notifications.ts';
import { isEmpty, isSame, type TypeDifference, typeDifference } from './type-difference.ts';

export interface RetypeRequest {
  readonly new_type_id: string;
  readonly host: DestinationHost;
  readonly migration_policy: string;
  readonly reservations: readonly string[];
  readonly old_reservations: readonly string[];
}

/** Gives a volume another type: by rows alone, by the driver, or by moving it (manager.md §9.6). */
export async function retypeVolume(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<Volume>,
  request: RetypeRequest,
): Promise<void> {
  const { resource: volume, finish, signal } = work;
  const { db } = manager;
  const before = volume.previous_status ?? 'available';
  const reserved = [...request.old_reservations, ...request.reservations];
  const projectId = volume.project_id ?? '';
  try {
    requireDriver(manager);
    const newType = await db.volumeTypes.get(request.new_type_id);
    if (newType === undefined) throw new VolumeTypeNotFound({ volume_type_id: request.new_type_id });
    const difference = await typeDifference(db, volume.volume_type_id, newType.id);
    const update = isSame(difference)
      ? {}
      : await retypedByDriver(manager, volume, newType, difference, request, signal);
    if (update === undefined) await retypeByMoving(manager, context, volume, newType, difference, request, signal);
    await finish(async (tx) => {
      if (update !== undefined) await writeType(tx, volume, update, difference, { ...request, before });
      await tx.quotas.commit(reserved, projectId);
    });
  } catch (error) {
    if (signal.aborted && isAbort(error)) throw error;
    await finish(async (tx) => {
      const current = await tx.volumes.get(volume.id);
      const moving = ['starting', 'migrating', 'completing'].includes(current?.migration_status ?? '');
      const failed = moving ? { migration_status: 'error' } : {};
      await tx.volumes.update(volume.id, { status: before, ...failed });
      await tx.quotas.rollback(reserved, projectId);
    });
    throw error;
  }
  await notifyVolume(manager, context, 'retype', volume, { volume_type: request.new_type_id });
  manager.publishSoon();
  manager.log.log('INFO', { resource: volume.id }, 'Retype volume completed successfully.');
}

/** What the driver wants written; undefined where it cannot, and the volume must be moved. */
async function retypedByDriver(
  manager: VolumeManager,
  volume: Volume,
  newType: VolumeType,
  difference: TypeDifference,
  { host }: RetypeRequest,
  signal: AbortSignal,
): Promise<ModelUpdate | undefined> {
  const { driver, log } = manager;
  const here = serviceOf(host.host) === manager.host;
  if (!here || !isEmpty(difference.encryption) || driver.retype === undefined) return undefined;
  try {
    return await driver.retype(volume, newType, difference, host, signal);
  } catch (error) {
    if (isAbort(error)) throw error;
    const about = { error, resource: volume.id };
    log.log('WARNING', about, 'Volume driver failed to retype %s, trying to move it: %s', volume.id, messageOf(error));
    return undefined;
  }
}

async function retypeByMoving(
  manager: VolumeManager,
  context: RequestContext,
  volume: Volume,
  newType: VolumeType,
  difference: TypeDifference,
  { host, migration_policy }: RetypeRequest,
  signal: AbortSignal,
): Promise<void> {
  if (migration_policy === 'never') {
    throw new VolumeMigrationFailed({ reason: 'Retype requires migration but is not allowed.' });
  }
  if ((await manager.db.snapshots.ofVolume(volume.id)).length > 0) {
    throw new InvalidVolume({ reason: 'Volume must not have snapshots.' });
  }
  if (![null, 'disabled', 'not-capable'].includes(volume.replication_status)) {
    throw new InvalidVolume({ reason: 'Volume must not be replicated.' });
  }
  await move(manager, context, volume, { host, forceCopy: false, newType, difference }, signal);
}

async function writeType(
  tx: Tables,
  volume: Volume,
  update: ModelUpdate,
  { extra_specs }: TypeDifference,
  { new_type_id, host, before }: RetypeRequest & { readonly before: string },
): Promise<void> {
  const columns = { volume_type_id: new_type_id, host: host.host, cluster_name: host.cluster_name, status: before };
  await writeUpdate(tx, volume, update, { ...replicationOf(update, extra_specs), ...columns });
  for (const { id } of await tx.snapshots.ofVolume(volume.id)) {
    await tx.snapshots.update(id, { volume_type_id: new_type_id });
  }
}

function replicationOf(update: ModelUpdate, specs: TypeDifference['extra_specs']): { replication_status?: string } {
  const change = specs['replication_enabled'];
  if (change === undefined || update.replication_status !== undefined) return {};
  return { replication_status: /^<is>\s+(1|t|true|on|y|yes)$/i.test(change[1] ?? '') ? 'enabled' : 'disabled' };
}
