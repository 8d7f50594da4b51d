import { isAbort } from '../base/errors.ts';
import type { VolumeChanges } from '../interface/volume-table.ts';
import type { RequestContext } from '../objects/context.ts';
import { serviceOf } from '../objects/host.ts';
import { attachmentsOf, type Volume } from '../objects/volume.ts';
import type { Work } from './claim.ts';
import { migrateByCopy } from './generic-migration.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import type { MigrationRequest } from './migration-request.ts';
import { persist } from './persist.ts';
import { allowsAssistance } from './type-difference.ts';

/** Moves a volume to another pool or service (manager.md §9.1). A failure shows in `migration_status`. */
export async function migrateVolume(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<Volume>,
  request: MigrationRequest,
): Promise<void> {
  const { resource: volume, finish, signal } = work;
  try {
    await move(manager, context, volume, request, signal);
  } catch (error) {
    if (signal.aborted && isAbort(error)) throw error;
    await finish((tx) => tx.volumes.update(volume.id, { migration_status: 'error', ...statusAfter(volume) }));
    throw error;
  }
  await finish(async () => {});
  manager.log.log('INFO', { resource: volume.id }, 'Migrate volume completed successfully.');
}

/** The move itself: when it resolves, the row says where the volume is now. */
export async function move(
  manager: VolumeManager,
  context: RequestContext,
  volume: Volume,
  request: MigrationRequest,
  signal: AbortSignal,
): Promise<void> {
  requireDriver(manager);
  await persist(manager, (tx) => tx.volumes.update(volume.id, { migration_status: 'migrating' }), signal);
  const assisted = await moveByDriver(manager, volume, request, signal);
  if (assisted !== undefined) {
    await persist(manager, (tx) => tx.volumes.update(volume.id, assisted), signal);
    manager.capabilities.allocate(volume.host, -volume.size, manager.settings);
    return;
  }
  await migrateByCopy(manager, context, volume, request, signal);
}

/** A status that says "being moved" becomes what it was before. */
export function statusAfter({ status, previous_status }: Volume): { status?: string } {
  return ['retyping', 'maintenance'].includes(status) ? { status: previous_status ?? 'available' } : {};
}

/** What the row says when the driver has moved the volume itself; undefined where it does not. */
async function moveByDriver(
  manager: VolumeManager,
  volume: Volume,
  { host, forceCopy, newType, difference }: MigrationRequest,
  signal: AbortSignal,
): Promise<VolumeChanges | undefined> {
  const { driver, db } = manager;
  if (forceCopy || driver.migrateVolume === undefined || attachmentsOf(volume).length > 0) return undefined;
  if (difference !== undefined && !allowsAssistance(difference)) return undefined;
  const update = await driver.migrateVolume(volume, host, signal);
  if (update === undefined) return undefined;
  const { metadata: _metadata, admin_metadata: _admin, ...columns } = update;
  const service = await db.services.find(serviceOf(host.host), 'cinder-volume');
  return {
    ...columns,
    host: host.host,
    cluster_name: host.cluster_name,
    migration_status: 'success',
    previous_status: volume.status,
    ...statusAfter(volume),
    ...(service === undefined ? {} : { availability_zone: service.availability_zone, service_uuid: service.uuid }),
    ...(newType === undefined ? {} : { volume_type_id: newType.id }),
  };
}
