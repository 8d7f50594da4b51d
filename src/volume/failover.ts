import { isAbort } from '../base/errors.ts';
import type { Tables } from '../interface/database.ts';
import type { FailedOver } from '../interface/driver-features.ts';
import type { ServiceChanges } from '../interface/service-table.ts';
import { UnableToFailOver } from '../objects/exceptions.ts';
import type { Service } from '../objects/service.ts';
import type { Volume } from '../objects/volume.ts';
import type { VolumeManager } from './manager.ts';
import { writeUpdate } from './model-update.ts';
import { pages } from './pages.ts';
import { persist } from './persist.ts';

/** What `secondary_backend_id` says for the way back. */
const back = 'default';

/** Backends at work on a failover here: a second message finds nothing to do. */
const running = new WeakSet<VolumeManager>();

/** True while a failover of the backend runs in this process. */
export function isFailingOver(manager: VolumeManager): boolean {
  return running.has(manager);
}

/**
 * The record of a failover: the API's `failing-over` in our service row (rpc.md §2.3). Undefined when anything else stands
 * there, or the same runs already: then there is nothing to do.
 */
export async function readyToFailOver(manager: VolumeManager): Promise<Service | undefined> {
  const row = await manager.db.services.get(manager.service.id);
  if (row?.replication_status === 'failing-over' && !running.has(manager)) {
    running.add(manager);
    return row;
  }
  const status = row?.replication_status ?? 'unknown';
  manager.log.info('Dropped failover of service %s: replication status is %s', manager.host, status);
  return undefined;
}

/**
 * Moves the backend to another target, or back (manager.md §12.3), once `readyToFailOver` has said so. What became of it
 * stands in the service's row.
 */
export async function failOver(
  manager: VolumeManager,
  service: Service,
  secondaryId: string | null,
  signal: AbortSignal,
): Promise<void> {
  try {
    const replicated = await replicatedVolumes(manager, secondaryId);
    const outcome = await askDriver(manager, service, replicated, secondaryId, signal);
    const changes = 'volumes' in outcome ? serviceAfter(service, outcome, secondaryId) : outcome;
    await persist(manager, async (tx) => {
      await tx.services.update(manager.service.id, changes);
      if ('volumes' in outcome) await writeVolumes(tx, outcome, changes.replication_status ?? null);
    });
    manager.log.info('Failed over: replication status is %s', changes.replication_status ?? 'unknown');
  } finally {
    running.delete(manager);
  }
}

/** Another member of the cluster has failed over, and this one follows. */
export async function failoverCompleted(
  manager: VolumeManager,
  updates: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<void> {
  const { active_backend_id, replication_status, disabled, disabled_reason } = updates;
  const active = typeof active_backend_id === 'string' ? active_backend_id : null;
  let changes: ServiceChanges = {
    ...('active_backend_id' in updates ? { active_backend_id: active } : {}),
    ...(typeof replication_status === 'string' ? { replication_status } : {}),
    ...(typeof disabled === 'boolean' ? { disabled } : {}),
    ...(typeof disabled_reason === 'string' ? { disabled_reason } : {}),
  };
  try {
    await manager.driver.failoverCompleted?.(active, signal);
  } catch (error) {
    manager.log.log('ERROR', { error }, 'The driver could not follow the failover of its cluster');
    changes = { ...changes, disabled: true, replication_status: 'error' };
  }
  await persist(manager, (tx) => tx.services.update(manager.service.id, changes));
}

/** The volumes that the driver takes along. Those that are not replicated stay behind, in `error` but for a way back. */
async function replicatedVolumes(manager: VolumeManager, secondaryId: string | null): Promise<Volume[]> {
  const { db, host } = manager;
  const replicated: Volume[] = [];
  for await (const volume of pages((page) => db.volumes.ofService(host, page))) {
    if (!['disabled', 'not-capable'].includes(volume.replication_status ?? '')) replicated.push(volume);
    else if (secondaryId !== back) {
      await persist(manager, async (tx) => {
        const lost = { previous_status: volume.status, status: 'error', replication_status: 'not-capable' };
        await tx.volumes.update(volume.id, lost);
        await loseSnapshots(tx, volume.id);
      });
    }
  }
  return replicated;
}

/** What the driver came to, or what a failure of it means for the service. */
async function askDriver(
  manager: VolumeManager,
  service: Service,
  volumes: readonly Volume[],
  secondaryId: string | null,
  signal: AbortSignal,
): Promise<FailedOver | ServiceChanges> {
  try {
    const { driver } = manager;
    if (driver.failoverHost === undefined) {
      throw new UnableToFailOver({ reason: `${driver.name} does not replicate` });
    }
    return await driver.failoverHost(volumes, secondaryId, signal);
  } catch (error) {
    if (signal.aborted && isAbort(error)) throw error;
    if (error instanceof Error && error.name === 'InvalidReplicationTarget') {
      manager.log.log('ERROR', { error }, 'Invalid replication target specified for failover');
      return { replication_status: service.active_backend_id ? 'failed-over' : 'enabled' };
    }
    manager.log.log('ERROR', { error }, 'Driver reported error during replication failover.');
    return { disabled: true, replication_status: 'failover-error' };
  }
}

function serviceAfter(service: Service, outcome: FailedOver, secondaryId: string | null): ServiceChanges {
  if (secondaryId === back) {
    const { frozen } = service;
    const disabled_reason = frozen ? 'frozen' : '';
    return { replication_status: 'enabled', active_backend_id: '', disabled: frozen, disabled_reason };
  }
  const { activeBackendId: active_backend_id } = outcome;
  return { replication_status: 'failed-over', active_backend_id, disabled: true, disabled_reason: 'failed-over' };
}

async function writeVolumes(tx: Tables, { volumes }: FailedOver, serviceStatus: string | null): Promise<void> {
  for (const { volume_id, updates } of volumes) {
    const volume = await tx.volumes.get(volume_id);
    if (volume === undefined) continue;
    const { status, ...update } = updates;
    const { replication_status } = update;
    const derived = [undefined, null, 'failed-over'].includes(replication_status) ? serviceStatus : replication_status;
    if (status === 'error') await loseSnapshots(tx, volume_id);
    await writeUpdate(tx, volume, update, {
      replication_status: status === 'error' ? 'failover-error' : (derived ?? null),
      ...(status === undefined ? {} : { status, previous_status: volume.status }),
    });
  }
}

async function loseSnapshots(tx: Tables, volumeId: string): Promise<void> {
  for (const { id } of await tx.snapshots.ofVolume(volumeId)) await tx.snapshots.update(id, { status: 'error' });
}
