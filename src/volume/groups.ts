import { isAbort, messageOf } from '../base/errors.ts';
import { utcNow } from '../base/time.ts';
import type { RequestContext } from '../objects/context.ts';
import { Invalid, InvalidVolume, VolumeAttached, VolumeDriverException } from '../objects/exceptions.ts';
import type { Group } from '../objects/group.ts';
import { serviceOf } from '../objects/host.ts';
import type { Volume } from '../objects/volume.ts';
import type { Work } from './claim.ts';
import { notifyGroup } from './group-notifications.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { releaseQuota, volumeDeltas } from './quota.ts';

/** Makes a group: rows alone, since its volumes come one by one (manager.md §11.1). */
export async function createGroup(
  manager: VolumeManager,
  context: RequestContext,
  { resource: group, finish }: Work<Group>,
): Promise<void> {
  await notifyGroup(manager, context, 'create.start', group);
  try {
    requireDriver(manager);
  } catch (error) {
    await finish((tx) => tx.groups.update(group.id, { status: 'error' }, ['creating']));
    throw error;
  }
  const made = { status: 'available', created_at: utcNow() } as const;
  await finish((tx) => tx.groups.update(group.id, made, ['creating']));
  await notifyGroup(manager, context, 'create.end', { ...group, ...made });
  manager.log.log('INFO', { resource: group.id }, 'Create group completed successfully.');
}

/**
 * Removes a group with its volumes, one by one (manager.md §11.2). What the backend keeps stays in the tables: a busy volume
 * is `available`, one that failed is in `error`, and the group is in `error` then.
 */
export async function deleteGroup(manager: VolumeManager, context: RequestContext, work: Work<Group>): Promise<void> {
  const { resource: group, finish } = work;
  const { db, log } = manager;
  const volumes = await db.volumes.ofGroup(group.id);
  const refusal = whyRefused(manager, volumes);
  if (refusal !== undefined) {
    log.warning('Group %s is not deleted: %s', group.id, refusal.message);
    await finish(async () => {});
    throw refusal;
  }
  await notifyGroup(manager, context, 'delete.start', group);
  const kept: { volume: Volume; status: string }[] = [];
  const gone: Volume[] = [];
  for (const volume of volumes) {
    const status = await removed(manager, work, volume);
    if (status === undefined) gone.push(volume);
    else kept.push({ volume, status });
  }
  await finish(async (tx) => {
    for (const { volume, status } of kept) await tx.volumes.update(volume.id, { status });
    for (const volume of gone) {
      await tx.volumes.destroy(volume.id);
      await releaseQuota(tx, log, await volumeDeltas(tx, volume), group.project_id);
    }
    if (kept.length > 0) await tx.groups.update(group.id, { status: 'error' });
    else {
      await tx.groups.destroy(group.id);
      await releaseQuota(tx, log, { groups: -1 }, group.project_id);
    }
  });
  for (const volume of gone) manager.capabilities.allocate(volume.host, -volume.size, manager.settings);
  manager.publishSoon();
  if (kept.length > 0) throw new VolumeDriverException('Delete group failed.');
  const told = gone.map((volume) => ({ ...volume, status: 'deleted' }));
  await notifyGroup(manager, context, 'delete.end', group, told);
  log.log('INFO', { resource: group.id }, 'Delete group completed successfully.');
}

/** What a volume that the backend would not let go is at; undefined when it is gone. */
async function removed(manager: VolumeManager, work: Work<Group>, volume: Volume): Promise<string | undefined> {
  const { signal } = work;
  try {
    const driver = requireDriver(manager);
    await manager.coordinator.withLock(
      `${volume.id}-delete_volume`,
      async () => {
        await driver.removeExport(volume, signal);
        await driver.deleteVolume(volume, signal);
      },
      signal,
    );
    await manager.coordinator.forget(volume.id);
    return undefined;
  } catch (error) {
    if (signal.aborted && isAbort(error)) throw error;
    manager.log.log('ERROR', { error, resource: volume.id }, 'Volume of a group was kept: %s', messageOf(error));
    return error instanceof Error && error.name === 'VolumeIsBusy' ? 'available' : 'error';
  }
}

function whyRefused({ host }: VolumeManager, volumes: readonly Volume[]): Error | undefined {
  for (const { id, attach_status, host: where } of volumes) {
    if (attach_status === 'attached') return new VolumeAttached({ volume_id: id });
    if (where !== null && serviceOf(where) !== host) return new Invalid('Volume is not local to this node.');
  }
  return undefined;
}

export interface GroupUpdate {
  readonly add_volumes: readonly string[];
  readonly remove_volumes: readonly string[];
}

/** Takes volumes into a group and out of it (manager.md §11.3). What cannot be added or removed changes nothing. */
export async function updateGroup(
  manager: VolumeManager,
  context: RequestContext,
  { resource: group, finish }: Work<Group>,
  { add_volumes, remove_volumes }: GroupUpdate,
): Promise<void> {
  const refusal = await refused(manager, group, add_volumes, remove_volumes);
  if (refusal !== undefined) {
    manager.log.warning('Group %s is not updated: %s', group.id, refusal.message);
    await finish(async () => {});
    throw refusal;
  }
  await notifyGroup(manager, context, 'update.start', group);
  try {
    requireDriver(manager);
  } catch (error) {
    await finish(async (tx) => {
      await tx.groups.update(group.id, { status: 'error' }, ['updating']);
      for (const id of [...add_volumes, ...remove_volumes]) await tx.volumes.update(id, { status: 'error' });
    });
    throw error;
  }
  await finish(async (tx) => {
    for (const id of add_volumes) await tx.volumes.update(id, { group_id: group.id });
    for (const id of remove_volumes) await tx.volumes.update(id, { group_id: null });
    await tx.groups.update(group.id, { status: 'available' }, ['updating']);
  });
  await notifyGroup(manager, context, 'update.end', { ...group, status: 'available' });
  manager.log.log('INFO', { resource: group.id }, 'Update group completed successfully.');
}

async function refused(
  { db, host }: VolumeManager,
  group: Group,
  added: readonly string[],
  removed: readonly string[],
): Promise<Error | undefined> {
  const check = async (ids: readonly string[], statuses: readonly string[], verb: string) => {
    for (const id of ids) {
      const volume = await db.volumes.get(id);
      const where = volume?.host == null ? undefined : serviceOf(volume.host);
      const reason =
        volume === undefined
          ? `Cannot ${verb} group ${group.id}: volume ${id} does not exist.`
          : statuses.includes(volume.status)
            ? where === host
              ? undefined
              : `Cannot ${verb} group ${group.id}: volume ${id} is not local to this node.`
            : `Cannot ${verb} group ${group.id}: volume ${id} is in an invalid state: ${volume.status}. Valid states are: ${statuses.join(', ')}.`;
      if (reason !== undefined) return new InvalidVolume({ reason });
    }
    return undefined;
  };
  return (
    (await check(added, ['available', 'in-use'], 'add volume to')) ??
    (await check(removed, ['available', 'in-use', 'error', 'error_deleting'], 'remove volume from'))
  );
}
