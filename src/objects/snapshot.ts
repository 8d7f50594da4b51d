import { ownedFields, stampFields } from './row-fields.ts';
import {
  bool,
  dict,
  int,
  json,
  lazy,
  nested,
  nullable,
  type ObjectOf,
  oneOf,
  string,
  uuid,
  versionedObject,
} from './versioned-object.ts';
import { volumeCodec } from './volume.ts';

const snapshotStatus = oneOf([
  'error',
  'available',
  'creating',
  'deleting',
  'deleted',
  'updating',
  'error_deleting',
  'unmanaging',
  'backing-up',
  'restoring',
]);

const snapshotFields = {
  ...ownedFields,
  use_quota: nullable(bool),
  volume_id: nullable(uuid),
  cgsnapshot_id: nullable(uuid),
  group_snapshot_id: nullable(uuid),
  status: nullable(snapshotStatus),
  progress: nullable(string),
  volume_size: nullable(int),
  display_name: nullable(string),
  display_description: nullable(string),
  encryption_key_id: nullable(uuid),
  volume_type_id: nullable(uuid),
  provider_location: nullable(string),
  provider_id: nullable(string),
  metadata: lazy(dict(string)),
  provider_auth: nullable(string),
  volume: lazy(nullable(nested(volumeCodec))),
  group_snapshot: lazy(nullable(json)),
  ...stampFields,
};

/** Snapshot 1.6 (objects.md §6.2). */
export const snapshotCodec = versionedObject('Snapshot', '1.6', snapshotFields);

/** Words that peers can read in `snapshots.status`; another one breaks their loaders (objects.md §3.1). */
export type SnapshotStatus = ReturnType<typeof snapshotStatus.decode>;

/** A snapshot: the columns of its row (database.md §3.5). `volume_size` is the volume's size in GiB when it was made. */
export type Snapshot = ObjectOf<typeof snapshotFields> & {
  readonly volume_id: string;
  readonly volume_size: number;
  readonly status: SnapshotStatus;
};

/** What a message says of a snapshot: possibly old and incomplete. */
export type SnapshotInMessage = Partial<ObjectOf<typeof snapshotFields>> & { readonly id: string };
