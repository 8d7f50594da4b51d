import { isAbort, messageOf } from '../base/errors.ts';
import type { GroupReplication } from '../interface/driver-features.ts';
import type { RequestContext } from '../objects/context.ts';
import {
  InvalidGroup,
  InvalidVolume,
  ReplicationGroupError,
  VolumeBackendAPIException,
} from '../objects/exceptions.ts';
import type { Group } from '../objects/group.ts';
import type { Volume } from '../objects/volume.ts';
import type { Work } from './claim.ts';
import { notifyGroup } from './group-notifications.ts';
import { requireDriver, type VolumeManager } from './manager.ts';

/** One of the three requests, as far as they differ. */
export type ReplicationRequest =
  | { readonly verb: 'enable' | 'disable' }
  | { readonly verb: 'failover'; readonly allowAttached: boolean; readonly secondaryId: string | null };

const arrivesAs = { enable: 'enabling', disable: 'disabling', failover: 'failing-over' } as const;

/** Turns the replication of a group on or off, or moves it to another target (manager.md §11.7). */
export async function replicateGroup(
  manager: VolumeManager,
  context: RequestContext,
  { resource: group, finish, signal }: Work<Group>,
  request: ReplicationRequest,
): Promise<void> {
  const { verb } = request;
  const volumes = await manager.db.volumes.ofGroup(group.id);
  const refusal = whyRefused(group, volumes, request);
  if (refusal !== undefined) {
    manager.log.warning('Replication of group %s is not changed: %s', group.id, refusal.message);
    await finish(async () => {});
    throw refusal;
  }
  await notifyGroup(manager, context, `${verb}_replication.start`, group);
  try {
    const updates = await askDriver(manager, group, volumes, request, signal);
    const status = statusAfter(request);
    await finish(async (tx) => {
      for (const { id } of volumes) {
        await tx.volumes.update(id, {
          ...updates.find((update) => update.id === id)?.updates,
          replication_status: status,
        });
      }
      await tx.groups.update(group.id, { replication_status: status });
    });
  } catch (error) {
    if (signal.aborted && isAbort(error)) throw error;
    await finish(async (tx) => {
      for (const { id } of volumes) await tx.volumes.update(id, { replication_status: 'error' });
      await tx.groups.update(group.id, { status: 'error', replication_status: 'error' });
    });
    const reason = `${verb} replication failed: ${messageOf(error)}`;
    throw new ReplicationGroupError({ group_id: group.id, reason }, { cause: error });
  }
  await notifyGroup(manager, context, `${verb}_replication.end`, {
    ...group,
    replication_status: statusAfter(request),
  });
  manager.log.log('INFO', { resource: group.id }, 'Replication of group %s: %s', group.id, statusAfter(request));
}

/** Where a group could be replicated to: everything of it to an administrator, names alone to others. */
export async function listReplicationTargets(
  { db, settings }: VolumeManager,
  context: RequestContext,
  groupId: string,
): Promise<{ readonly replication_targets: readonly unknown[] }> {
  if ((await db.groups.get(groupId)) === undefined) {
    throw new VolumeBackendAPIException({ data: `Get replication targets failed. Group ${groupId} not found.` });
  }
  const devices = settings.replication_device;
  if (context.is_admin) return { replication_targets: devices };
  const names = devices.flatMap(({ backend_id }) => (backend_id ? [{ backend_id }] : []));
  return { replication_targets: names };
}

function statusAfter(request: ReplicationRequest): 'enabled' | 'disabled' | 'failed-over' {
  if (request.verb === 'failover') return request.secondaryId === 'default' ? 'enabled' : 'failed-over';
  return request.verb === 'enable' ? 'enabled' : 'disabled';
}

function whyRefused(group: Group, volumes: readonly Volume[], request: ReplicationRequest): Error | undefined {
  const expected = arrivesAs[request.verb];
  if (group.replication_status !== expected) {
    const status = group.replication_status ?? 'unknown';
    return new InvalidGroup({ reason: `Replication status of group ${group.id} is ${status}, not ${expected}.` });
  }
  for (const { id, status, replication_status } of volumes) {
    if (request.verb === 'failover' && !request.allowAttached && status === 'in-use') {
      return new InvalidVolume({ reason: `Volume ${id} of group ${group.id} is in use.` });
    }
    if (replication_status !== expected) {
      const reason = `Replication status of volume ${id} is ${replication_status ?? 'unknown'}, not ${expected}.`;
      return new InvalidVolume({ reason });
    }
  }
  return undefined;
}

async function askDriver(
  manager: VolumeManager,
  group: Group,
  volumes: readonly Volume[],
  request: ReplicationRequest,
  signal: AbortSignal,
): ReturnType<GroupReplication['enableReplication']> {
  const driver = requireDriver(manager);
  const { enableReplication, disableReplication, failoverReplication } = driver;
  if (!enableReplication || !disableReplication || !failoverReplication) {
    throw new Error(`${driver.name} replicates no groups`);
  }
  switch (request.verb) {
    case 'enable':
      return enableReplication.call(driver, group, volumes, signal);
    case 'disable':
      return disableReplication.call(driver, group, volumes, signal);
    case 'failover':
      return failoverReplication.call(driver, group, volumes, request.secondaryId, signal);
    default:
      return request satisfies never;
  }
}
