import { stampFields } from './row-fields.ts';
import {
  bool,
  dict,
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

const qosSpecsFields = {
  id: uuid,
  name: string,
  consumer: oneOf(['back-end', 'front-end', 'both']),
  specs: nullable(dict(nullable(string))),
  ...stampFields,
};

const qosSpecsCodec = versionedObject('QualityOfServiceSpecs', '1.0', qosSpecsFields);

const volumeTypeFields = {
  id: uuid,
  name: nullable(string),
  description: nullable(string),
  is_public: nullable(bool),
  projects: lazy(nullable(list(string))),
  extra_specs: lazy(nullable(dict(nullable(string)))),
  qos_specs_id: nullable(uuid),
  qos_specs: lazy(nullable(nested(qosSpecsCodec))),
  ...stampFields,
};

/** VolumeType 1.3 (objects.md §6.1). */
export const volumeTypeCodec = versionedObject('VolumeType', '1.3', volumeTypeFields);

export type VolumeType = ObjectOf<typeof volumeTypeFields>;

/** What a type asks of the front end and the back end (database.md §3.6). */
export type QosSpecs = ObjectOf<typeof qosSpecsFields>;
