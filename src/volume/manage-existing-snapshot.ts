import { isAbort } from '../base/errors.ts';
import type { StorageDriver } from '../interface/driver-features.ts';
import type { ExistingReference } from '../interface/volume-driver.ts';
import type { RequestContext } from '../objects/context.ts';
import { ManageExistingAlreadyManaged, ManageExistingInvalidReference } from '../objects/exceptions.ts';
import type { Work } from './claim.ts';
import { type Reserved, reserveGigabytes } from './manage-quota.ts';
import { isManaged, knownSnapshots, referenceText } from './manageable.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { notifySnapshot } from './notifications.ts';
import type { SnapshotOfVolume } from './resources.ts';

/**
 * Takes something on the backend in as a snapshot (manager.md §10.2). Resolves to its id. A failure leaves the row in
 * `error`: peers know no other word for it.
 */
export async function manageExistingSnapshot(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<SnapshotOfVolume>,
  ref: ExistingReference,
): Promise<string> {
  const { snapshot, volume } = work.resource;
  const { signal, finish } = work;
  let reserved: Reserved | undefined;
  try {
    await notifySnapshot(manager, context, 'manage_existing_snapshot.start', snapshot, volume);
    const { manage, getSize } = managing(requireDriver(manager), ref);
    await refuseManaged(manager, snapshot.id, ref, signal);
    const size = await getSize(snapshot, volume, ref, signal);
    const delta = size - snapshot.volume_size;
    if (!manager.settings.no_snapshot_gb_quota && delta !== 0) {
      reserved = await reserveGigabytes(manager, context, { size, delta, typeId: volume.volume_type_id });
    }
    const update = await manage(snapshot, volume, ref, signal);
    const { provider_id, provider_location, provider_auth } = update;
    const columns = Object.entries({ provider_id, provider_location, provider_auth });
    await finish(async (tx) => {
      const done = { ...Object.fromEntries(columns), volume_size: size, status: 'available' as const };
      await tx.snapshots.update(snapshot.id, done, ['creating']);
      if (reserved !== undefined) await tx.quotas.commit(reserved.reservations, reserved.projectId);
    });
  } catch (error) {
    if (signal.aborted && isAbort(error)) throw error;
    await finish(async (tx) => {
      await tx.snapshots.update(snapshot.id, { status: 'error' }, ['creating']);
      if (reserved !== undefined) await tx.quotas.rollback(reserved.reservations, reserved.projectId);
    });
    throw error;
  }
  const done = { ...snapshot, status: 'available' as const };
  await notifySnapshot(manager, context, 'manage_existing_snapshot.end', done, volume);
  manager.log.log('INFO', { resource: snapshot.id }, 'Manage existing snapshot completed successfully.');
  return snapshot.id;
}

function managing(driver: StorageDriver, ref: ExistingReference) {
  const { manageExistingSnapshot: manage, manageExistingSnapshotGetSize: getSize } = driver;
  if (manage === undefined || getSize === undefined) {
    const reason = `${driver.name} takes no existing snapshots in`;
    throw new ManageExistingInvalidReference({ existing_ref: referenceText(ref), reason });
  }
  return { manage: manage.bind(driver), getSize: getSize.bind(driver) };
}

async function refuseManaged(
  manager: VolumeManager,
  snapshotId: string,
  ref: ExistingReference,
  signal: AbortSignal,
): Promise<void> {
  const { driver } = manager;
  if (driver.getManageableSnapshots === undefined) return;
  const known = await knownSnapshots(manager);
  const entries = await driver.getManageableSnapshots(
    known.filter(({ id }) => id !== snapshotId),
    signal,
  );
  if (isManaged(entries, ref)) throw new ManageExistingAlreadyManaged({ volume_ref: referenceText(ref) });
}
