import type { Kysely } from 'kysely';
import { type UtcTime, utcNow } from '../base/time.ts';
import { exactly } from './locks.ts';
import { born, buried, encode, grouped, stored, touched } from './rows.ts';
import type { Schema } from './schema.ts';
import { statement } from './statement.ts';

/** Key and value pairs of a resource, as objects carry them. */
export type Metadata = Readonly<Record<string, string>>;

/** The tables of such pairs, and the column that says whose they are. */
const owners = {
  volume_metadata: 'volume_id',
  volume_admin_metadata: 'volume_id',
  snapshot_metadata: 'snapshot_id',
} as const;

type MetadataTable = keyof typeof owners;

type Owner = (typeof owners)[MetadataTable];

const livePairs = each((table) =>
  statement((db, { ids }: { ids: readonly string[] }) => {
    const owner = db.dynamic.ref<Owner>(owners[table]);
    return db
      .selectFrom(table)
      .select(['id', owner, 'key', 'value'])
      .where(owner, 'in', ids)
      .where('deleted', '=', false)
      .orderBy('id');
  }),
);

const removal = each((table) =>
  statement((db, { id, key, now }: { id: string; key: string; now: UtcTime }) =>
    db
      .updateTable(table)
      .set({ deleted: true, deleted_at: now })
      .where(db.dynamic.ref(owners[table]), '=', id)
      .where(({ ref }) => exactly(db, ref('key'), key))
      .where('deleted', '=', false),
  ),
);

/** The live pairs of many resources; one without pairs is not in the map. */
export async function metadataOf(
  db: Kysely<Schema>,
  table: MetadataTable,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Metadata>> {
  const { rows } = await livePairs[table](db, { ids });
  const found = grouped(rows, ({ volume_id, snapshot_id }) => volume_id ?? snapshot_id ?? '');
  return new Map([...found].map(([id, pairs]) => [id, Object.fromEntries(pairs.map(pairOf))]));
}

/** Makes `metadata` the whole set: what is not in it is deleted, what differs is changed, what is new is added. */
export async function replaceMetadata(
  db: Kysely<Schema>,
  table: MetadataTable,
  id: string,
  metadata: Metadata,
): Promise<void> {
  const { rows } = await livePairs[table](db, { ids: [id] });
  const gone = rows.filter(({ key }) => !Object.hasOwn(metadata, key ?? ''));
  if (gone.length > 0) {
    await db
      .updateTable(table)
      .set(encode(table, { ...buried(), ...touched() }))
      .where(
        'id',
        'in',
        gone.map(({ id: pair }) => pair),
      )
      .execute();
  }
  await mergeMetadata(db, table, id, metadata);
}

/** Changes and adds pairs; others stay. Keys are compared here, letter by letter: MariaDB takes `Key` for `key`. */
export async function mergeMetadata(
  db: Kysely<Schema>,
  table: MetadataTable,
  id: string,
  metadata: Metadata,
): Promise<void> {
  const { rows } = await livePairs[table](db, { ids: [id] });
  const now = utcNow();
  const added: [string, string][] = [];
  for (const [key, value] of Object.entries(metadata)) {
    const known = rows.filter((row) => row.key === key);
    if (known.length === 0) added.push([key, value]);
    const changed = known.filter((row) => row.value !== value).map((row) => row.id);
    if (changed.length === 0) continue;
    await db
      .updateTable(table)
      .set(encode(table, { value, ...touched(now) }))
      .where('id', 'in', changed)
      .execute();
  }
  await addMetadata(db, table, id, added);
}

/** Adds pairs whose keys the resource does not have. */
export async function addMetadata(
  db: Kysely<Schema>,
  table: MetadataTable,
  id: string,
  pairs: readonly (readonly [string, string])[],
): Promise<void> {
  if (pairs.length === 0) return;
  const stamps = born();
  const rows = pairs.map(([key, value]) => encode(table, { [owners[table]]: id, key, value, ...stamps }));
  await db.insertInto(table).values(rows).execute();
}

/** Deletes the pair of a key, if there is one. */
export async function removeMetadata(db: Kysely<Schema>, table: MetadataTable, id: string, key: string): Promise<void> {
  await removal[table](db, { id, key, now: stored(utcNow()) });
}

function each<T>(make: (table: MetadataTable) => T): Readonly<Record<MetadataTable, T>> {
  return {
    volume_metadata: make('volume_metadata'),
    volume_admin_metadata: make('volume_admin_metadata'),
    snapshot_metadata: make('snapshot_metadata'),
  };
}

function pairOf({ key, value }: { key: string | null; value: string | null }): [string, string] {
  return [key ?? '', value ?? ''];
}
