import { bool, dict, int, nullable, string, uuid, versionedObject } from './versioned-object.ts';

const words = dict(nullable(string));

const manageableFields = {
  reference: words,
  size: nullable(int),
  safe_to_manage: nullable(bool),
  reason_not_safe: nullable(string),
  cinder_id: nullable(uuid),
  extra_info: nullable(words),
};

/** ManageableVolume 1.0 (objects.md §6.7). */
export const manageableVolumeCodec = versionedObject('ManageableVolume', '1.0', manageableFields);

/** ManageableSnapshot 1.0. */
export const manageableSnapshotCodec = versionedObject('ManageableSnapshot', '1.0', {
  ...manageableFields,
  source_reference: words,
});
