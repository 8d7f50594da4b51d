import { int, json, lazy, nested, nullable, type ObjectOf, uuid, versionedObject } from './versioned-object.ts';

const volumePropertiesCodec = versionedObject('VolumeProperties', '1.1', { size: lazy(nullable(int)) });

const requestSpecFields = {
  image_id: lazy(nullable(uuid)),
  snapshot_id: lazy(nullable(uuid)),
  source_volid: lazy(nullable(uuid)),
  backup_id: lazy(nullable(uuid)),
  volume_id: lazy(nullable(uuid)),
  volume_properties: lazy(nullable(nested(volumePropertiesCodec))),
  volume_type: lazy(nullable(json)),
};

const requestSpecCodec = versionedObject('RequestSpec', '1.5', requestSpecFields);

/**
 * What a create was asked for. Only the fields that the manager decides by are decoded; `primitive` is the whole of it as
 * it came, to be handed back unchanged when the request is rescheduled (rpc.md §6.1).
 */
export type RequestSpec = ObjectOf<typeof requestSpecFields> & { readonly primitive: unknown };

/** Decodes a RequestSpec; null stands for an empty one (migration targets). */
export function requestSpecFromPrimitive(value: unknown): RequestSpec {
  return value === null ? { primitive: null } : { ...requestSpecCodec.decode(value), primitive: value };
}
