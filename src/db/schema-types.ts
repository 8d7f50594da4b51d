import { checkedStamps, stamps } from './stamps.ts';
import { bool, checked, indexed, int, key, references, required, serial, table, text, time } from './table.ts';

/** Volume types with what hangs on them: extra specs, QoS, encryption, who may use them (database.md §3.6). */
export const typeTables = {
  quality_of_service_specs: table({
    ...checkedStamps,
    id: key(text(36)),
    specs_id: indexed(references(text(36), 'quality_of_service_specs.id')),
    key: text(255),
    value: text(255),
  }),
  volume_types: table({
    ...stamps,
    id: key(text(36)),
    name: text(255),
    qos_specs_id: indexed(references(text(36), 'quality_of_service_specs.id')),
    is_public: bool(),
    description: text(255),
  }),
  volume_type_projects: table(
    {
      id: serial(),
      created_at: time(),
      updated_at: time(),
      deleted_at: time(),
      volume_type_id: references(text(36), 'volume_types.id'),
      project_id: text(255),
      /** No boolean: 0 in a live row, the row's id in a deleted one. */
      deleted: int(),
    },
    { unique: [['volume_type_id', 'project_id', 'deleted']] },
  ),
  volume_type_extra_specs: table({
    ...stamps,
    id: serial(),
    volume_type_id: indexed(references(required(text(36)), 'volume_types.id')),
    key: text(255),
    value: text(255),
  }),
  default_volume_types: table({
    created_at: time(),
    updated_at: time(),
    deleted_at: time(),
    volume_type_id: indexed(references(text(36), 'volume_types.id')),
    project_id: key(text(255)),
    deleted: checked(bool()),
  }),
  encryption: table({
    ...checkedStamps,
    cipher: text(255),
    control_location: text(255),
    key_size: int(),
    provider: text(255),
    volume_type_id: required(text(36)),
    encryption_id: { ...text(36), primary: true },
  }),
};
