import { type VolumeAttachment, volumeAttachmentCodec } from './attachment.ts';
import { stampFields } from './row-fields.ts';
import {
  bool,
  dict,
  int,
  json,
  lazy,
  list,
  nested,
  nullable,
  type ObjectOf,
  string,
  time,
  uuid,
  versionedObject,
} from './versioned-object.ts';
import { volumeTypeCodec } from './volume-type.ts';

const volumeAttachmentListCodec = versionedObject('VolumeAttachmentList', '1.1', {
  objects: list(nested(volumeAttachmentCodec)),
});

const volumeFields = {
  id: uuid,
  _name_id: nullable(uuid),
  ec2_id: nullable(uuid),
  user_id: nullable(string),
  project_id: nullable(string),
  use_quota: nullable(bool),
  snapshot_id: nullable(uuid),
  cluster_name: nullable(string),
  host: nullable(string),
  size: nullable(int),
  availability_zone: nullable(string),
  status: nullable(string),
  attach_status: nullable(string),
  migration_status: nullable(string),
  scheduled_at: nullable(time),
  launched_at: nullable(time),
  terminated_at: nullable(time),
  display_name: nullable(string),
  display_description: nullable(string),
  provider_id: nullable(string),
  provider_location: nullable(string),
  provider_auth: nullable(string),
  provider_geometry: nullable(string),
  volume_type_id: nullable(uuid),
  source_volid: nullable(uuid),
  encryption_key_id: nullable(uuid),
  consistencygroup_id: nullable(uuid),
  group_id: nullable(uuid),
  bootable: nullable(bool),
  multiattach: nullable(bool),
  replication_status: nullable(string),
  replication_extended_status: nullable(string),
  replication_driver_data: nullable(string),
  previous_status: nullable(string),
  metadata: lazy(nullable(dict(string))),
  admin_metadata: lazy(nullable(dict(string))),
  glance_metadata: lazy(nullable(dict(string))),
  volume_type: lazy(nullable(nested(volumeTypeCodec))),
  volume_attachment: lazy(nullable(nested(volumeAttachmentListCodec))),
  group: lazy(nullable(json)),
  service_uuid: nullable(string),
  shared_targets: nullable(bool),
  ...stampFields,
};

/** Volume 1.9 (objects.md §6.1). */
export const volumeCodec = versionedObject('Volume', '1.9', volumeFields);

/**
 * A volume: the columns of its row, spelled as upstream (database.md §3.1). Size in GiB, an unset one is 0; times are UTC.
 * What is optional is loaded from other tables on demand.
 */
export type Volume = ObjectOf<typeof volumeFields> & { readonly size: number; readonly status: string };

/** What a message says of a volume: possibly old and incomplete. Operations read the row again. */
export type VolumeInMessage = Partial<ObjectOf<typeof volumeFields>> & { readonly id: string };

/** The id that names the volume on its backend: another than `id` after a generic migration (objects.md §4). */
export function nameIdOf(volume: Pick<Volume, 'id' | '_name_id'>): string {
  return volume._name_id || volume.id;
}

/** True for the destination of a generic migration while it is filled (objects.md §4). */
export function isMigrationTarget(volume: Pick<Volume, 'migration_status'>): boolean {
  return volume.migration_status?.startsWith('target:') ?? false;
}

/** The attachments that were loaded with the volume. */
export function attachmentsOf(volume: Volume): readonly Partial<VolumeAttachment>[] {
  return volume.volume_attachment?.objects ?? [];
}
