import type { RpcEndpoint, RpcMethod } from '../interface/rpc.ts';
import { elevated } from '../objects/context.ts';
import type { Group } from '../objects/group.ts';
import { bool, string } from '../objects/versioned-object.ts';
import { groupArgument, groupSnapshotArgument, idsArgument, optional, preset } from './arguments.ts';
import { groupClaim, groupSnapshotClaim, work } from './claim-requests.ts';
import { createGroupFromSource } from './group-from-source.ts';
import { listReplicationTargets, replicateGroup } from './group-replication.ts';
import { createGroupSnapshot, deleteGroupSnapshot } from './group-snapshots.ts';
import { createGroup, deleteGroup, updateGroup } from './groups.ts';
import type { VolumeManager } from './manager.ts';
import { method } from './method.ts';

/** Groups of volumes, by the driver's own volumes and snapshots (rpc.md §4.4). */
export function groupsEndpoint(manager: VolumeManager): RpcEndpoint {
  return {
    create_group: method('create_group', '3.0', 'work', { group: groupArgument }, aboutGroup, (context, { group }) =>
      work(manager, groupClaim('create_group', group, 'creating'), (claimed) =>
        createGroup(manager, elevated(context), claimed),
      ),
    ),
    delete_group: method('delete_group', '3.0', 'work', { group: groupArgument }, aboutGroup, (context, { group }) =>
      work(manager, groupClaim('delete_group', group, 'deleting'), (claimed) =>
        deleteGroup(manager, elevated(context), claimed),
      ),
    ),
    update_group: method(
      'update_group',
      '3.0',
      'work',
      { group: groupArgument, add_volumes: idsArgument, remove_volumes: idsArgument },
      aboutGroup,
      (context, args) =>
        work(manager, groupClaim('update_group', args.group, 'updating'), (claimed) =>
          updateGroup(manager, elevated(context), claimed, args),
        ),
    ),
    create_group_from_src: method(
      'create_group_from_src',
      '3.0',
      'work',
      { group: groupArgument, group_snapshot: optional(groupSnapshotArgument), source_group: optional(groupArgument) },
      aboutGroup,
      (context, { group }) =>
        work(manager, groupClaim('create_group_from_src', group, 'creating'), (claimed) =>
          createGroupFromSource(manager, context, claimed),
        ),
    ),
    create_group_snapshot: method(
      'create_group_snapshot',
      '3.0',
      'work',
      { group_snapshot: groupSnapshotArgument },
      aboutGroupSnapshot,
      (context, { group_snapshot }) =>
        work(manager, groupSnapshotClaim('create_group_snapshot', group_snapshot, 'creating'), (claimed) =>
          createGroupSnapshot(manager, elevated(context), claimed),
        ),
    ),
    delete_group_snapshot: method(
      'delete_group_snapshot',
      '3.0',
      'work',
      { group_snapshot: groupSnapshotArgument },
      aboutGroupSnapshot,
      (context, { group_snapshot }) =>
        work(manager, groupSnapshotClaim('delete_group_snapshot', group_snapshot, 'deleting'), (claimed) =>
          deleteGroupSnapshot(manager, elevated(context), claimed),
        ),
    ),
    enable_replication: replicationMethod(manager, 'enable', 'enabling'),
    disable_replication: replicationMethod(manager, 'disable', 'disabling'),
    failover_replication: method(
      'failover_replication',
      '3.14',
      'work',
      {
        group: groupArgument,
        allow_attached_volume: preset(bool, false),
        secondary_backend_id: optional(string),
      },
      aboutGroup,
      (context, { group, allow_attached_volume: allowAttached, secondary_backend_id: secondaryId }) =>
        work(manager, replicationClaim('failover_replication', group, 'failing-over'), (claimed) =>
          replicateGroup(manager, elevated(context), claimed, { verb: 'failover', allowAttached, secondaryId }),
        ),
    ),
    list_replication_targets: method(
      'list_replication_targets',
      '3.14',
      'repeatable',
      { group: groupArgument },
      aboutGroup,
      (context, { group }) => ({ run: async () => listReplicationTargets(manager, context, group.id) }),
    ),
  };
}

function replicationMethod(manager: VolumeManager, verb: 'enable' | 'disable', status: string): RpcMethod {
  const name = `${verb}_replication`;
  return method(name, '3.14', 'work', { group: groupArgument }, aboutGroup, (context, { group }) =>
    work(manager, replicationClaim(name, group, status), (claimed) =>
      replicateGroup(manager, elevated(context), claimed, { verb }),
    ),
  );
}

/** The status of the group itself stays as it is; what the API has set is the one of its replication. */
function replicationClaim(name: string, group: { readonly id: string }, status: string) {
  return { ...groupClaim(name, group, status), expected: (row: Group) => row.replication_status === status };
}

function aboutGroup({ group }: { readonly group: { readonly id: string } }): string {
  return group.id;
}

function aboutGroupSnapshot({ group_snapshot }: { readonly group_snapshot: { readonly id: string } }): string {
  return group_snapshot.id;
}
