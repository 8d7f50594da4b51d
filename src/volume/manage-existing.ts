import { isAbort } from '../base/errors.ts';
import { utcNow } from '../base/time.ts';
import type { StorageDriver } from '../interface/driver-features.ts';
import type { ExistingReference } from '../interface/volume-driver.ts';
import type { RequestContext } from '../objects/context.ts';
import { ManageExistingAlreadyManaged, ManageExistingInvalidReference } from '../objects/exceptions.ts';
import type { Volume } from '../objects/volume.ts';
import type { Work } from './claim.ts';
import { type Reserved, reserveGigabytes } from './manage-quota.ts';
import { isManaged, knownVolumes, referenceText } from './manageable.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { writeUpdate } from './model-update.ts';
import { notifyVolume } from './notifications.ts';
import { sharedTargets } from './shared-targets.ts';

/**
 * Takes something on the backend in as a volume (manager.md §10.1). Resolves to its id. A failure leaves the row in
 * `error_managing` and the thing as it was.
 */
export async function manageExisting(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<Volume>,
  ref: ExistingReference,
): Promise<string> {
  const { resource: volume, signal, finish } = work;
  const { capabilities, settings, service } = manager;
  let reserved: Reserved | undefined;
  let size: number;
  try {
    await notifyVolume(manager, context, 'manage_existing.start', volume);
    const { manage, getSize } = managing(requireDriver(manager), ref);
    await refuseManaged(manager, volume, ref, signal);
    size = await getSize(volume, ref, signal);
    reserved = await reserveGigabytes(manager, context, { size, delta: size, typeId: volume.volume_type_id });
    const { reservations, projectId } = reserved;
    const update = await manage({ ...volume, size }, ref, signal);
    await finish(async (tx) => {
      const own = { service_uuid: service.uuid, shared_targets: sharedTargets(manager) };
      const done = { ...own, size, status: 'available', launched_at: utcNow() };
      await writeUpdate(tx, volume, update, done, ['managing']);
      await tx.quotas.commit(reservations, projectId);
    });
  } catch (error) {
    if (signal.aborted && isAbort(error)) throw error;
    await finish(async (tx) => {
      await tx.volumes.update(volume.id, { status: 'error_managing' }, ['managing']);
      if (reserved !== undefined) await tx.quotas.rollback(reserved.reservations, reserved.projectId);
    });
    throw error;
  }
  capabilities.allocate(volume.host, size, settings);
  await notifyVolume(manager, context, 'manage_existing.end', { ...volume, size, status: 'available' });
  manager.log.log('INFO', { resource: volume.id }, 'Manage existing volume completed successfully.');
  return volume.id;
}

/** The two methods of a driver that takes volumes in. */
function managing(driver: StorageDriver, ref: ExistingReference) {
  const { manageExisting: manage, manageExistingGetSize: getSize } = driver;
  if (manage === undefined || getSize === undefined) {
    const reason = `${driver.name} takes no existing volumes in`;
    throw new ManageExistingInvalidReference({ existing_ref: referenceText(ref), reason });
  }
  return { manage: manage.bind(driver), getSize: getSize.bind(driver) };
}

async function refuseManaged(
  manager: VolumeManager,
  volume: Volume,
  ref: ExistingReference,
  signal: AbortSignal,
): Promise<void> {
  const { driver } = manager;
  if (driver.getManageableVolumes === undefined) return;
  const known = await knownVolumes(manager);
  const entries = await driver.getManageableVolumes(
    known.filter(({ id }) => id !== volume.id),
    signal,
  );
  if (isManaged(entries, ref)) throw new ManageExistingAlreadyManaged({ volume_ref: referenceText(ref) });
}
