import { isAbort, messageOf } from '../base/errors.ts';
import type { StorageDriver } from '../interface/driver-features.ts';
import type { ConnectionInfo, Connector, ModelUpdate } from '../interface/volume-driver.ts';
import { VolumeBackendAPIException } from '../objects/exceptions.ts';
import { asBackendFailure, validateConnector } from './backend-failure.ts';
import { requireSnapshot } from './loading.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import type { SnapshotOfVolume } from './resources.ts';

type Args = { readonly manager: VolumeManager; readonly signal: AbortSignal };

/** Shows a snapshot to a host (manager.md §7.7). The driver's answer is passed on as it is. */
export async function initializeConnectionSnapshot(
  { manager, signal }: Args,
  snapshotId: string,
  connector: Connector,
): Promise<ConnectionInfo> {
  return manager.connections.withLock(
    snapshotId,
    async () => {
      const driver = requireDriver(manager);
      const found = await requireSnapshot(manager.db, snapshotId);
      validateConnector(manager, connector, 'snapshot');
      const { createExportSnapshot, initializeConnectionSnapshot: initialize } = bound(driver);
      const update = await asBackendFailure('Create export of snapshot failed', () =>
        createExportSnapshot(found.snapshot, found.volume, connector, signal),
      );
      const snapshot = await saveExport(manager, found, update);
      try {
        const info = await initialize(snapshot, found.volume, connector, signal);
        manager.log.log('INFO', { resource: snapshotId }, 'Initialize snapshot connection completed successfully.');
        return info;
      } catch (error) {
        if (isAbort(error)) throw error;
        await takeBack(manager, { ...found, snapshot }, signal);
        const data = `Unable to fetch connection information from backend: ${messageOf(error)}`;
        throw new VolumeBackendAPIException({ data }, { cause: error });
      }
    },
    signal,
  );
}

/** Ends what a host has of a snapshot. */
export async function terminateConnectionSnapshot(
  { manager, signal }: Args,
  snapshotId: string,
  connector: Connector | undefined,
): Promise<null> {
  return manager.connections.withLock(
    snapshotId,
    async () => {
      const driver = requireDriver(manager);
      const { snapshot, volume } = await requireSnapshot(manager.db, snapshotId);
      await asBackendFailure('Terminate snapshot connection failed', () =>
        bound(driver).terminateConnectionSnapshot(snapshot, volume, connector, signal),
      );
      manager.log.log('INFO', { resource: snapshotId }, 'Terminate snapshot connection completed successfully.');
      return null;
    },
    signal,
  );
}

/** Takes the export of a snapshot away. */
export async function removeExportSnapshot({ manager, signal }: Args, snapshotId: string): Promise<null> {
  return manager.connections.withLock(
    snapshotId,
    async () => {
      const driver = requireDriver(manager);
      const { snapshot, volume } = await requireSnapshot(manager.db, snapshotId);
      await asBackendFailure('Remove snapshot export failed', () =>
        bound(driver).removeExportSnapshot(snapshot, volume, signal),
      );
      manager.log.log('INFO', { resource: snapshotId }, 'Remove snapshot export completed successfully.');
      return null;
    },
    signal,
  );
}

/** The four methods of a driver that has them; a driver without is a backend that cannot. */
function bound(driver: StorageDriver) {
  const { createExportSnapshot, removeExportSnapshot: remove } = driver;
  const { initializeConnectionSnapshot: initialize, terminateConnectionSnapshot: terminate } = driver;
  if (!createExportSnapshot || !remove || !initialize || !terminate) {
    throw new VolumeBackendAPIException({ data: `${driver.name} does not attach snapshots` });
  }
  return {
    createExportSnapshot: createExportSnapshot.bind(driver),
    removeExportSnapshot: remove.bind(driver),
    initializeConnectionSnapshot: initialize.bind(driver),
    terminateConnectionSnapshot: terminate.bind(driver),
  };
}

async function saveExport(
  { db }: VolumeManager,
  { snapshot }: SnapshotOfVolume,
  { provider_location, provider_auth }: ModelUpdate,
): Promise<SnapshotOfVolume['snapshot']> {
  if (provider_location === undefined && provider_auth === undefined) return snapshot;
  const columns = { provider_location: provider_location ?? null, provider_auth: provider_auth ?? null };
  await db.snapshots.update(snapshot.id, columns);
  return { ...snapshot, ...columns };
}

async function takeBack(
  manager: VolumeManager,
  { snapshot, volume }: SnapshotOfVolume,
  signal: AbortSignal,
): Promise<void> {
  try {
    await bound(manager.driver).removeExportSnapshot(snapshot, volume, signal);
  } catch (error) {
    const about = { error, resource: snapshot.id };
    manager.log.log('WARNING', about, 'The export of snapshot %s was not removed', snapshot.id);
  }
}
