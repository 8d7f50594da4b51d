import { checkedStamps, stamps } from './stamps.ts';
import { bool, indexed, int, references, required, serial, table, text, time } from './table.ts';

/** Limits, usage and reservations (database.md §3.7). */
export const quotaTables = {
  quotas: table({
    id: serial(),
    ...stamps,
    project_id: text(255),
    resource: required(text(255)),
    hard_limit: int(),
    allocated: int(),
  }),
  quota_classes: table({
    ...checkedStamps,
    id: serial(),
    class_name: indexed(text(255)),
    resource: text(255),
    hard_limit: int(),
  }),
  quota_usages: table(
    {
      ...stamps,
      id: serial(),
      project_id: indexed(text(255)),
      resource: text(300),
      in_use: required(int()),
      reserved: required(int()),
      until_refresh: int(),
      race_preventer: bool(),
    },
    {
      unique: [['project_id', 'resource', 'race_preventer']],
      indexes: [{ name: 'quota_usage_project_resource_idx', columns: ['project_id', 'resource'] }],
    },
  ),
  reservations: table(
    {
      ...checkedStamps,
      id: serial(),
      uuid: required(text(36)),
      usage_id: indexed(references(int(), 'quota_usages.id')),
      project_id: indexed(text(255)),
      resource: text(255),
      delta: required(int()),
      expire: time(),
      allocated_id: indexed(references(int(), 'quotas.id')),
    },
    {
      indexes: [
        { name: 'reservations_deleted_expire_idx', columns: ['deleted', 'expire'] },
        { name: 'reservations_deleted_uuid_idx', columns: ['deleted', 'uuid'] },
      ],
    },
  ),
};
