import { ownedFields, stampFields } from './row-fields.ts';
import { snapshotCodec } from './snapshot.ts';
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
  time,
  uuid,
  versionedObject,
} from './versioned-object.ts';
import { volumeCodec } from './volume.ts';

const backupStatus = oneOf(['error', 'error_deleting', 'creating', 'available', 'deleting', 'deleted', 'restoring']);

const backupFields = {
  ...ownedFields,
  volume_id: uuid,
  host: nullable(string),
  availability_zone: nullable(string),
  container: nullable(string),
  parent_id: nullable(string),
  parent: lazy(nullable(json)),
  status: nullable(backupStatus),
  fail_reason: nullable(string),
  size: nullable(int),
  display_name: nullable(string),
  display_description: nullable(string),
  service_metadata: nullable(string),
  service: nullable(string),
  object_count: nullable(int),
  temp_volume_id: nullable(string),
  temp_snapshot_id: nullable(string),
  num_dependent_backups: nullable(int),
  snapshot_id: nullable(string),
  data_timestamp: nullable(time),
  restore_volume_id: nullable(string),
  metadata: lazy(nullable(dict(string))),
  encryption_key_id: nullable(string),
  ...stampFields,
};

/** Backup 1.7 (objects.md §6.6). */
export const backupCodec = versionedObject('Backup', '1.7', backupFields);

/** A row of `backups`; nearly all of it is cinder-backup's affair (database.md §3.14). */
export type Backup = ObjectOf<typeof backupFields>;

/** What a message says of a backup: all of it goes back to cinder-backup. */
export type BackupInMessage = Partial<Backup> & Pick<Backup, 'id' | 'volume_id'>;

/** BackupDeviceInfo 1.0: exactly one of the two is set, the other is absent. */
export const backupDeviceInfoCodec = versionedObject('BackupDeviceInfo', '1.0', {
  volume: lazy(nested(volumeCodec)),
  snapshot: lazy(nested(snapshotCodec)),
  secure_enabled: bool,
});
