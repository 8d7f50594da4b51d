import { ownedFields, stampFields } from './row-fields.ts';
import {
  json,
  lazy,
  list,
  nested,
  nullable,
  type ObjectOf,
  oneOf,
  string,
  uuid,
  versionedObject,
} from './versioned-object.ts';

const groupStatus = oneOf([
  'error',
  'available',
  'creating',
  'deleting',
  'deleted',
  'updating',
  'in-use',
  'error_deleting',
]);

/** The words that peers can read of services, clusters and groups (objects.md §3.1). */
const replicationStatus = oneOf([
  'error',
  'enabled',
  'disabled',
  'not-capable',
  'failing-over',
  'failover-error',
  'failed-over',
  'enabling',
  'disabling',
]);

const groupFields = {
  ...ownedFields,
  cluster_name: nullable(string),
  host: nullable(string),
  availability_zone: nullable(string),
  name: nullable(string),
  description: nullable(string),
  group_type_id: nullable(string),
  volume_type_ids: lazy(nullable(list(string))),
  status: nullable(groupStatus),
  group_snapshot_id: nullable(uuid),
  source_group_id: nullable(uuid),
  replication_status: nullable(replicationStatus),
  volumes: lazy(nullable(json)),
  volume_types: lazy(nullable(json)),
  group_snapshots: lazy(nullable(json)),
  ...stampFields,
};

/** Group 1.2 (objects.md §6.4). */
export const groupCodec = versionedObject('Group', '1.2', groupFields);

/** Volumes that are snapshotted, copied and deleted together: a row of `groups` (database.md §3.9). */
export type Group = ObjectOf<typeof groupFields>;

const groupSnapshotFields = {
  ...ownedFields,
  group_id: uuid,
  name: nullable(string),
  description: nullable(string),
  status: nullable(string),
  group_type_id: nullable(uuid),
  group: lazy(nullable(nested(groupCodec))),
  snapshots: lazy(nullable(json)),
  ...stampFields,
};

/** GroupSnapshot 1.0 (objects.md §6.4). */
export const groupSnapshotCodec = versionedObject('GroupSnapshot', '1.0', groupSnapshotFields);

/** A snapshot of each volume of a group: a row of `group_snapshots`. */
export type GroupSnapshot = ObjectOf<typeof groupSnapshotFields>;
