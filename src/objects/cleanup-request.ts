import { bool, int, nullable, type ObjectOf, string, time, uuid, versionedObject } from './versioned-object.ts';

const cleanupRequestFields = {
  service_id: nullable(int),
  cluster_name: nullable(string),
  host: nullable(string),
  binary: nullable(string),
  is_up: nullable(bool),
  disabled: nullable(bool),
  resource_id: nullable(uuid),
  resource_type: nullable(string),
  until: nullable(time),
};

/** CleanupRequest 1.0; null means "no filter" (objects.md §6.5). */
export const cleanupRequestCodec = versionedObject('CleanupRequest', '1.0', cleanupRequestFields);

export type CleanupRequest = Partial<ObjectOf<typeof cleanupRequestFields>>;
