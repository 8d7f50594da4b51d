import { stampFields } from './row-fields.ts';
import {
  dict,
  json,
  lazy,
  nullable,
  type ObjectOf,
  oneOf,
  string,
  time,
  uuid,
  versionedObject,
} from './versioned-object.ts';

const attachStatus = oneOf([
  'attached',
  'attaching',
  'detached',
  'reserved',
  'error_attaching',
  'error_detaching',
  'deleted',
]);

const volumeAttachmentFields = {
  id: uuid,
  volume_id: uuid,
  instance_uuid: nullable(uuid),
  attached_host: nullable(string),
  mountpoint: nullable(string),
  attach_time: nullable(time),
  detach_time: nullable(time),
  attach_status: nullable(attachStatus),
  attach_mode: nullable(string),
  volume: lazy(nullable(json)),
  connection_info: nullable(dict(json)),
  connector: nullable(dict(json)),
  ...stampFields,
};

/** VolumeAttachment 1.3 (objects.md §6.1). */
export const volumeAttachmentCodec = versionedObject('VolumeAttachment', '1.3', volumeAttachmentFields);

/** One use of a volume by a host or an instance: a row of `volume_attachment` (database.md §3.4). */
export type VolumeAttachment = ObjectOf<typeof volumeAttachmentFields>;
