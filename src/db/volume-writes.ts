import type { Insertable, Kysely, Selectable } from 'kysely';
import { type UtcTime, utcNow } from '../base/time.ts';
import type { NewVolume, VolumeChanges } from '../interface/volume-table.ts';
import { addGlanceMetadata } from './glance-metadata.ts';
import { addMetadata, replaceMetadata } from './metadata.ts';
import { born, encode, stored, touched } from './rows.ts';
import type { Schema } from './schema.ts';
import { changed, statement } from './statement.ts';
import { defaultType } from './volume-types.ts';

/** The presets that upstream's model fills in, where the caller says nothing. */
const presets = { bootable: false, multiattach: false, use_quota: true, shared_targets: true };

/** `volume_create` of database.md §4: the row and its pairs. */
export async function createVolume(db: Kysely<Schema>, volume: NewVolume, defaultTypeName: string): Promise<void> {
  const { metadata, admin_metadata, glance_metadata, ...columns } = volume;
  const { id } = volume;
  const volume_type_id = volume.volume_type_id ?? (await defaultType(db, defaultTypeName)).id;
  await inserting(db, encode('volumes', { ...presets, ...columns, volume_type_id, ...born() }));
  await addMetadata(db, 'volume_metadata', id, Object.entries(metadata ?? {}));
  await addMetadata(db, 'volume_admin_metadata', id, Object.entries(admin_metadata ?? {}));
  const image = Object.entries(glance_metadata ?? {}).map(([key, value]) => ({ key, value }));
  await addGlanceMetadata(db, { volume_id: id }, image);
}

const inserting = statement((db, row: Insertable<Schema['volumes']>) => db.insertInto('volumes').values(row));

/** A conditional update where `expected` is given (database.md §6). */
export async function updateVolume(
  db: Kysely<Schema>,
  id: string,
  changes: VolumeChanges,
  expected?: readonly string[],
): Promise<boolean> {
  const { metadata, ...columns } = changes;
  if (expected?.length === 0) return false;
  const values = encode('volumes', { ...columns, ...touched() });
  const target = { id, ...(expected === undefined ? {} : { expected }) };
  if (!changed(await updating(db, { ...values, ...target }))) return false;
  if (metadata) await replaceMetadata(db, 'volume_metadata', id, metadata);
  return true;
}

type Update = Partial<Selectable<Schema['volumes']>> & { readonly id: string; readonly expected?: readonly string[] };

const updating = statement((db, { id, expected, ...columns }: Update) =>
  db
    .updateTable('volumes')
    .set(columns)
    .where('id', '=', id)
    .where('deleted', '=', false)
    .$if(expected !== undefined, (some) => some.where('status', 'in', expected ?? [])),
);

/** `volume_destroy` of database.md §4. */
export async function destroyVolume(db: Kysely<Schema>, id: string): Promise<boolean> {
  const now = stored(utcNow());
  const buried = await buryingRow(db, { id, now });
  for (const burying of dependents) await burying(db, { id, now });
  return changed(buried);
}

/** `volume_update_status_based_on_attachment` of database.md §4. */
export async function settleStatus(db: Kysely<Schema>, id: string): Promise<boolean> {
  const attachment = await db
    .selectFrom('volume_attachment')
    .select('id')
    .where('volume_id', '=', id)
    .where('deleted', '=', false)
    .limit(1)
    .executeTakeFirst();
  return updateVolume(db, id, { status: attachment === undefined ? 'available' : 'in-use' });
}

const buryingRow = statement((db, { id, now }: { id: string; now: UtcTime }) =>
  db
    .updateTable('volumes')
    .set({ status: 'deleted', migration_status: null, deleted: true, deleted_at: now })
    .where('id', '=', id)
    .where('deleted', '=', false),
);

/** What belongs to a volume goes with it. The statuses of its snapshots and attachments stay as they are. */
const dependents = (
  [
    'volume_metadata',
    'volume_admin_metadata',
    'snapshots',
    'transfers',
    'volume_glance_metadata',
    'volume_attachment',
  ] as const
).map((table) =>
  statement((db, { id, now }: { id: string; now: UtcTime }) =>
    db
      .updateTable(table)
      .set({ deleted: true, deleted_at: now })
      .where('volume_id', '=', id)
      .where('deleted', '=', false),
  ),
);
