import type { Kysely, Selectable } from 'kysely';
import type { VolumeTypeTable } from '../interface/volume-type-table.ts';
import { VolumeTypeDefaultMisconfiguredError } from '../objects/exceptions.ts';
import type { QosSpecs, VolumeType } from '../objects/volume-type.ts';
import type { Access } from './access.ts';
import { grouped } from './rows.ts';
import type { Schema } from './schema.ts';
import { statement } from './statement.ts';

/** The tables of volume types and their QoS specs, which the daemon only reads (database.md §3.6). */
export function volumeTypeTable({ read }: Access, defaultName: string): VolumeTypeTable {
  return {
    get: (id) =>
      read(async (db) => {
        const row = await db.selectFrom('volume_types').selectAll().where('id', '=', id).executeTakeFirst();
        return row && (await withSpecs(db, [row]))[0];
      }),
    default: () =>
      read(async (db) => {
        const [type] = await withSpecs(db, [await defaultType(db, defaultName)]);
        return type ?? misconfigured(defaultName);
      }),
    encryption: (id) => read((db) => encryption(db, id)),
    qosSpecs: (id) => read((db) => qosSpecs(db, id)),
  };
}

const liveTypes = statement((db, { ids }: { ids: readonly string[] }) =>
  db.selectFrom('volume_types').selectAll().where('id', 'in', ids).where('deleted', '=', false),
);

const liveSpecs = statement((db, { ids }: { ids: readonly string[] }) =>
  db
    .selectFrom('volume_type_extra_specs')
    .select(['volume_type_id', 'key', 'value'])
    .where('volume_type_id', 'in', ids)
    .where('deleted', '=', false),
);

/** The live types of these ids, with their extra specs. */
export async function typesOf(db: Kysely<Schema>, ids: readonly string[]): Promise<ReadonlyMap<string, VolumeType>> {
  const { rows } = await liveTypes(db, { ids: [...new Set(ids)] });
  return new Map((await withSpecs(db, rows)).map((type) => [type.id, type]));
}

/** The row of the type that a volume without one gets. */
export async function defaultType(db: Kysely<Schema>, name: string): Promise<Selectable<Schema['volume_types']>> {
  const row = await db
    .selectFrom('volume_types')
    .selectAll()
    .where('name', '=', name)
    .where('deleted', '=', false)
    .executeTakeFirst();
  return row ?? misconfigured(name);
}

function misconfigured(volume_type_name: string): never {
  throw new VolumeTypeDefaultMisconfiguredError({ volume_type_name });
}

async function withSpecs(
  db: Kysely<Schema>,
  types: readonly Selectable<Schema['volume_types']>[],
): Promise<readonly VolumeType[]> {
  if (types.length === 0) return [];
  const { rows } = await liveSpecs(db, { ids: types.map(({ id }) => id) });
  const specs = grouped(rows, ({ volume_type_id }) => volume_type_id);
  return types.map((type) => ({
    ...type,
    extra_specs: Object.fromEntries((specs.get(type.id) ?? []).map(({ key, value }) => [key ?? '', value])),
  }));
}

/** A row with the name and one for each spec below it; `consumer` stands among the specs. */
async function qosSpecs(db: Kysely<Schema>, id: string): Promise<QosSpecs | undefined> {
  const rows = await db
    .selectFrom('quality_of_service_specs')
    .selectAll()
    .where('deleted', '=', false)
    .where((eb) => eb.or([eb('id', '=', id), eb('specs_id', '=', id)]))
    .execute();
  const head = rows.find((row) => row.id === id && row.key === 'QoS_Specs_Name');
  if (head === undefined) return undefined;
  const { consumer, ...specs } = Object.fromEntries(
    rows.filter((row) => row.specs_id === id).map(({ key, value }) => [key ?? '', value]),
  );
  const { created_at, updated_at, deleted_at, deleted } = head;
  return {
    id,
    name: head.value ?? '',
    consumer: consumerOf(consumer),
    specs,
    created_at,
    updated_at,
    deleted_at,
    deleted,
  };
}

/** Upstream's preset where a row says something else. */
function consumerOf(text: string | null | undefined): QosSpecs['consumer'] {
  return text === 'front-end' || text === 'both' ? text : 'back-end';
}

async function encryption(
  db: Kysely<Schema>,
  id: string,
): Promise<Readonly<Record<string, string | null>> | undefined> {
  const row = await db
    .selectFrom('encryption')
    .select(['cipher', 'control_location', 'key_size', 'provider'])
    .where('volume_type_id', '=', id)
    .where('deleted', '=', false)
    .executeTakeFirst();
  return row && { ...row, key_size: row.key_size === null ? null : String(row.key_size) };
}
