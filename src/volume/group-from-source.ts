import { isAbort } from '../base/errors.ts';
import { utcNow } from '../base/time.ts';
import type { Tables } from '../interface/database.ts';
import type { ModelUpdate } from '../interface/volume-driver.ts';
import type { RequestContext } from '../objects/context.ts';
import {
  GroupNotFound,
  GroupSnapshotNotFound,
  InvalidGroup,
  InvalidInput,
  SnapshotNotFound,
  VolumeNotFound,
} from '../objects/exceptions.ts';
import type { Group } from '../objects/group.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import type { Volume } from '../objects/volume.ts';
import type { Work } from './claim.ts';
import { notifyGroup } from './group-notifications.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { writeUpdate } from './model-update.ts';
import { sharedTargets } from './shared-targets.ts';

/** What one volume of the new group is made of, and the volume whose image properties it takes over. */
interface Pair {
  readonly volume: Volume;
  readonly snapshot?: Snapshot;
  readonly source: Volume;
}

/**
 * Makes every volume of a new group from a group snapshot or from another group (manager.md §11.4); the row of the group
 * says which, and its volumes' rows are there already. A failure leaves the group and all of them in `error`.
 */
export async function createGroupFromSource(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<Group>,
): Promise<void> {
  const { resource: group, finish, signal } = work;
  const { capabilities, settings, service, db } = manager;
  const volumes = await db.volumes.ofGroup(group.id);
  const made: { pair: Pair; update: ModelUpdate }[] = [];
  try {
    const pairs = await pairsOf(db, group, volumes);
    await notifyGroup(manager, context, 'create.start', group);
    for (const pair of pairs) made.push({ pair, update: await make(manager, pair, signal) });
  } catch (error) {
    if (signal.aborted && isAbort(error)) throw error;
    await finish(async (tx) => {
      await tx.groups.update(group.id, { status: 'error' }, ['creating']);
      for (const { id } of volumes) await tx.volumes.update(id, { status: 'error' }, ['creating']);
    });
    throw error;
  }
  const now = utcNow();
  await finish(async (tx) => {
    for (const { pair, update } of made) {
      const { volume, snapshot, source } = pair;
      const own = { service_uuid: service.uuid, shared_targets: sharedTargets(manager) };
      const copied = snapshot === undefined && source.multiattach === true ? { multiattach: true } : {};
      const bootable = source.bootable === true ? { bootable: true } : {};
      const done = { ...own, ...copied, ...bootable, status: 'available', launched_at: now };
      await writeUpdate(tx, volume, update, done, ['creating']);
      if (source.bootable !== true) continue;
      const from = snapshot === undefined ? { volume_id: source.id } : { snapshot_id: snapshot.id };
      await tx.volumes.copyGlanceMetadata(from, { volume_id: volume.id });
    }
    await tx.groups.update(group.id, { status: 'available', created_at: now }, ['creating']);
  });
  for (const { host, size } of volumes) capabilities.allocate(host, size, settings);
  await notifyGroup(manager, context, 'create.end', { ...group, status: 'available' });
  manager.publishSoon();
  manager.log.log('INFO', { resource: group.id }, 'Create group from source completed successfully.');
}

async function make(manager: VolumeManager, pair: Pair, signal: AbortSignal): Promise<ModelUpdate> {
  const driver = requireDriver(manager);
  const { volume, snapshot, source } = pair;
  const lock = snapshot === undefined ? `${source.id}-delete_volume` : `${snapshot.id}-delete_snapshot`;
  return manager.coordinator.withLock(
    lock,
    () =>
      snapshot === undefined
        ? driver.createClonedVolume(volume, source, signal, () => {})
        : driver.createVolumeFromSnapshot(volume, snapshot, signal, () => {}),
    signal,
  );
}

/** Which source belongs to which volume; every one must be there and `available`, and none may be left over. */
async function pairsOf(tx: Tables, group: Group, volumes: readonly Volume[]): Promise<readonly Pair[]> {
  if (group.group_snapshot_id !== null) return fromSnapshots(tx, group.group_snapshot_id, volumes);
  if (group.source_group_id !== null) return fromVolumes(tx, group.source_group_id, volumes);
  throw new InvalidInput({ reason: `group ${group.id} names no source` });
}

async function fromSnapshots(tx: Tables, sourceId: string, volumes: readonly Volume[]): Promise<readonly Pair[]> {
  if ((await tx.groupSnapshots.get(sourceId)) === undefined) {
    throw new GroupSnapshotNotFound({ group_snapshot_id: sourceId });
  }
  const snapshots = await tx.snapshots.ofGroupSnapshot(sourceId);
  mustBeAvailable('group snapshot', sourceId, 'snapshot', snapshots);
  mustMatch(volumes, snapshots);
  return Promise.all(
    volumes.map(async (volume) => {
      const snapshot = snapshots.find(({ id }) => id === volume.snapshot_id);
      if (snapshot === undefined) throw new SnapshotNotFound({ snapshot_id: volume.snapshot_id ?? '' });
      const source = await tx.volumes.get(snapshot.volume_id);
      if (source === undefined) throw new VolumeNotFound({ volume_id: snapshot.volume_id });
      return { volume, snapshot, source };
    }),
  );
}

async function fromVolumes(tx: Tables, sourceId: string, volumes: readonly Volume[]): Promise<readonly Pair[]> {
  if ((await tx.groups.get(sourceId)) === undefined) throw new GroupNotFound({ group_id: sourceId });
  const sources = await tx.volumes.ofGroup(sourceId);
  mustBeAvailable('group', sourceId, 'volume', sources);
  mustMatch(volumes, sources);
  return volumes.map((volume) => {
    const source = sources.find(({ id }) => id === volume.source_volid);
    if (source === undefined) throw new VolumeNotFound({ volume_id: volume.source_volid ?? '' });
    return { volume, source };
  });
}

function mustBeAvailable(
  what: string,
  sourceId: string,
  kind: string,
  items: readonly { readonly id: string; readonly status: string }[],
): void {
  const other = items.find(({ status }) => status !== 'available');
  if (other === undefined) return;
  const reason = `Cannot create group because ${kind} ${other.id} of ${what} ${sourceId} is in status ${other.status}, not available.`;
  throw new InvalidGroup({ reason });
}

function mustMatch(volumes: readonly Volume[], sources: readonly unknown[]): void {
  if (volumes.length === sources.length && volumes.length > 0) return;
  const reason = `the group has ${volumes.length} volumes, and its source ${sources.length}`;
  throw new InvalidInput({ reason });
}
