import type { Group } from '../objects/group.ts';
import { createGroupFromSource } from './group-from-source.ts';
import { createGroupSnapshot, deleteGroupSnapshot } from './group-snapshots.ts';
import { createGroup, deleteGroup } from './groups.ts';
import { pages } from './pages.ts';
import { bound, type Found, type Recovery, type RecoveryKind } from './recovery.ts';
import { groupKey, groupSnapshotKey, loadGroupSnapshot, type SnapshotOfGroup } from './resources.ts';

type Table<R> = Readonly<Record<string, (resource: R) => Recovery<R>>>;

/** What the API sets while a replication request is under way. */
const replicating = ['enabling', 'disabling', 'failing-over'];

const deleted: Recovery<Group> = {
  what: 'deleted',
  run: (manager, context, work) => deleteGroup(manager, context, work),
};

/** The group, and with it the volumes of it that nobody else carries. */
const failed: Recovery<Group> = {
  what: 'status error',
  run: async (_, __, { resource: group, finish }) => {
    await finish(async (tx) => {
      await tx.groups.update(group.id, { status: 'error' });
      for (const { id } of await tx.volumes.ofGroup(group.id))
        await tx.volumes.update(id, { status: 'error' }, ['creating']);
    });
  },
};

const replicationFailed: Recovery<Group> = {
  what: 'replication status error',
  run: async (_, __, { resource: group, finish }) => {
    await finish((tx) => tx.groups.update(group.id, { replication_status: 'error' }));
  },
};

const interruptedGroups: Table<Group> = {
  creating: () => failed,
  updating: () => failed,
  deleting: () => deleted,
};

const lostGroups: Table<Group> = {
  creating: (group) => {
    const fromSource = group.group_snapshot_id !== null || group.source_group_id !== null;
    return {
      what: 'made',
      run: (manager, context, work) =>
        fromSource ? createGroupFromSource(manager, context, work) : createGroup(manager, context, work),
    };
  },
  updating: () => failed,
  deleting: () => deleted,
};

export const groupRecovery: RecoveryKind = {
  async find(tx, id): Promise<Found | undefined> {
    const group = await tx.groups.get(id);
    if (group === undefined) return undefined;
    const status = group.status ?? '';
    const replication = replicating.includes(group.replication_status ?? '') ? replicationFailed : undefined;
    return {
      status,
      host: group.host,
      owner: group,
      marks: [group.replication_status, group.updated_at],
      interrupted: (recorded) =>
        recorded === status ? bound(group, interruptedGroups[status]?.(group) ?? replication) : undefined,
      lost: () => bound(group, lostGroups[status]?.(group) ?? replication),
    };
  },
  async *candidates({ db, host }) {
    const statuses = [...Object.keys(lostGroups), 'available', 'in-use'];
    for await (const group of pages((page) => db.groups.ofService(host, page, statuses))) {
      if (group.status !== 'available' || replicating.includes(group.replication_status ?? ''))
        yield groupKey(group.id);
    }
  },
};

const snapshotDeleted: Recovery<SnapshotOfGroup> = {
  what: 'deleted',
  run: (manager, context, work) => deleteGroupSnapshot(manager, context, work),
};

const snapshotFailed: Recovery<SnapshotOfGroup> = {
  what: 'status error',
  run: async (_, __, { resource: { groupSnapshot }, finish }) => {
    await finish(async (tx) => {
      await tx.groupSnapshots.update(groupSnapshot.id, { status: 'error' });
      for (const { id } of await tx.snapshots.ofGroupSnapshot(groupSnapshot.id)) {
        await tx.snapshots.update(id, { status: 'error' }, ['creating']);
      }
    });
  },
};

const interruptedSnapshots: Table<SnapshotOfGroup> = {
  creating: () => snapshotFailed,
  deleting: () => snapshotDeleted,
};

const lostSnapshots: Table<SnapshotOfGroup> = {
  creating: () => ({ what: 'made', run: (manager, context, work) => createGroupSnapshot(manager, context, work) }),
  deleting: () => snapshotDeleted,
};

export const groupSnapshotRecovery: RecoveryKind = {
  async find(tx, id): Promise<Found | undefined> {
    const found = await loadGroupSnapshot(tx, id);
    if (found === undefined) return undefined;
    const { groupSnapshot, group } = found;
    const status = groupSnapshot.status ?? '';
    const { user_id, project_id } = groupSnapshot;
    return {
      status,
      host: group.host,
      owner: { user_id, project_id },
      marks: [groupSnapshot.updated_at],
      interrupted: (recorded) =>
        recorded === status ? bound(found, interruptedSnapshots[status]?.(found)) : undefined,
      lost: () => bound(found, lostSnapshots[status]?.(found)),
    };
  },
  async *candidates({ db, host }) {
    const statuses = Object.keys(lostSnapshots);
    for await (const { id } of pages((page) => db.groupSnapshots.ofService(host, page, statuses))) {
      yield groupSnapshotKey(id);
    }
  },
};
