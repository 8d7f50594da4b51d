import { randomUUID } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { type UtcTime, utcNow } from '../base/time.ts';
import type { TableOptions } from './options.ts';
import { born, encode } from './rows.ts';
import { revision, type Schema } from './schema.ts';

/** Fills an empty database: the tables by `statements`, and the rows that Cinder's own migrations put in (database.md §1.2). */
export async function createSchema(
  db: Kysely<Schema>,
  statements: Iterable<string>,
  options: TableOptions,
): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
  await seedTypes(db);
  await seedQuotaClass(db, options);
  await seedSentinel(db);
  await db.insertInto('alembic_version').values({ version_num: revision }).execute();
}

async function seedTypes(db: Kysely<Schema>): Promise<void> {
  const now = utcNow();
  const stamps = { ...born(now), updated_at: now };
  const type = { id: randomUUID(), name: '__DEFAULT__', description: 'Default Volume Type', is_public: true };
  await db
    .insertInto('volume_types')
    .values(encode('volume_types', { ...type, ...stamps }))
    .execute();
  const group_type_id = randomUUID();
  const groupType = {
    id: group_type_id,
    name: 'default_cgsnapshot_type',
    description: 'Default group type for migrating cgsnapshot',
    is_public: true,
  };
  await db
    .insertInto('group_types')
    .values(encode('group_types', { ...groupType, ...stamps }))
    .execute();
  const spec = { group_type_id, key: 'consistent_group_snapshot_enabled', value: '<is> True' };
  await db
    .insertInto('group_type_specs')
    .values(encode('group_type_specs', { ...spec, ...stamps }))
    .execute();
}

async function seedQuotaClass(db: Kysely<Schema>, options: TableOptions): Promise<void> {
  const limits = {
    volumes: options.quota_volumes,
    snapshots: options.quota_snapshots,
    gigabytes: options.quota_gigabytes,
    consistencygroups: options.quota_consistencygroups,
    per_volume_gigabytes: -1,
    groups: options.quota_groups,
  };
  const now = utcNow();
  const rows = Object.entries(limits).map(([resource, hard_limit]) =>
    encode('quota_classes', { class_name: 'default', resource, hard_limit, ...born(now) }),
  );
  await db.insertInto('quota_classes').values(rows).execute();
}

/** Upstream looked at the microseconds of this row to learn whether MySQL keeps any. */
async function seedSentinel(db: Kysely<Schema>): Promise<void> {
  const now = `${utcNow().slice(0, 20)}000123` as UtcTime;
  const row = { resource_type: 'SENTINEL', resource_id: 'SUB-SECOND', status: 'OK', race_preventer: 0 };
  await db
    .insertInto('workers')
    .values(encode('workers', { ...row, ...born(now), updated_at: now }))
    .execute();
}
