import type { Kysely } from 'kysely';
import type { GlanceOwner } from '../interface/volume-table.ts';
import { born, buried, encode } from './rows.ts';
import type { Schema } from './schema.ts';

/** Copies the live image properties of a volume or snapshot (database.md §3.3). True when there were any. */
export async function copyGlanceMetadata(db: Kysely<Schema>, from: GlanceOwner, to: GlanceOwner): Promise<boolean> {
  const rows = await live(db, from).select(['key', 'value']).orderBy('id').execute();
  await addGlanceMetadata(db, to, rows);
  return rows.length > 0;
}

/** The live image properties; of a key that stands twice the later row counts. */
export async function glanceMetadataOf(db: Kysely<Schema>, owner: GlanceOwner): Promise<Record<string, string>> {
  const rows = await live(db, owner).select(['key', 'value']).orderBy('id').execute();
  return Object.fromEntries(rows.map(({ key, value }) => [key ?? '', value ?? '']));
}

export function glanceMetadataRows(db: Kysely<Schema>, owner: GlanceOwner) {
  return live(db, owner).selectAll().orderBy('id').execute();
}

export async function replaceGlanceMetadata(
  db: Kysely<Schema>,
  owner: GlanceOwner,
  properties: Readonly<Record<string, string>>,
): Promise<void> {
  await removeGlanceMetadata(db, owner);
  await addGlanceMetadata(
    db,
    owner,
    Object.entries(properties).map(([key, value]) => ({ key, value })),
  );
}

export async function addGlanceMetadata(
  db: Kysely<Schema>,
  owner: GlanceOwner,
  pairs: readonly { readonly key: string | null; readonly value: string | null }[],
): Promise<void> {
  if (pairs.length === 0) return;
  const rows = pairs.map(({ key, value }) => encode('volume_glance_metadata', { ...owner, key, value, ...born() }));
  await db.insertInto('volume_glance_metadata').values(rows).execute();
}

export async function removeGlanceMetadata(db: Kysely<Schema>, owner: GlanceOwner): Promise<void> {
  const [column, id] = columnOf(owner);
  await db
    .updateTable('volume_glance_metadata')
    .set(encode('volume_glance_metadata', buried()))
    .where(column, '=', id)
    .where('deleted', '=', false)
    .execute();
}

function live(db: Kysely<Schema>, owner: GlanceOwner) {
  const [column, id] = columnOf(owner);
  return db.selectFrom('volume_glance_metadata').where(column, '=', id).where('deleted', '=', false);
}

function columnOf(owner: GlanceOwner): ['volume_id' | 'snapshot_id', string] {
  return 'volume_id' in owner ? ['volume_id', owner.volume_id] : ['snapshot_id', owner.snapshot_id];
}
