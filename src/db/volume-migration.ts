import type { Kysely, Selectable } from 'kysely';
import { locked } from './locks.ts';
import { metadataOf, replaceMetadata } from './metadata.ts';
import { encode } from './rows.ts';
import type { Schema } from './schema.ts';

type Row = Selectable<Schema['volumes']>;

/** What a row keeps when everything else changes places: its identity, and what other steps of a migration settle. */
type Kept = 'id' | 'provider_location' | 'use_quota' | '_name_id' | 'deleted' | 'deleted_at';

/** `finish_volume_migration` (manager.md §9.3, step 6), both rows in one transaction. */
export async function finishMigration(db: Kysely<Schema>, id: string, destinationId: string): Promise<boolean> {
  const query = db
    .selectFrom('volumes')
    .selectAll()
    .where('id', 'in', [id, destinationId])
    .where('deleted', '=', false);
  const rows = await locked(db, query.orderBy('id')).execute();
  const volume = rows.find((row) => row.id === id);
  const destination = rows.find((row) => row.id === destinationId);
  if (volume === undefined || destination === undefined) return false;
  await write(db, id, { ...movable(destination), migration_status: null });
  await write(db, destinationId, {
    ...movable(volume),
    _name_id: destination._name_id || id,
    migration_status: 'deleting',
    display_description: `migration src for ${id}`,
    status: 'deleting',
    // The row goes soon, and its type does not matter for that.
    volume_type_id: destination.volume_type_id,
  });
  for (const table of ['volume_metadata', 'volume_admin_metadata'] as const) {
    const pairs = await metadataOf(db, table, [id, destinationId]);
    await replaceMetadata(db, table, id, pairs.get(destinationId) ?? {});
    await replaceMetadata(db, table, destinationId, pairs.get(id) ?? {});
  }
  return true;
}

function movable(row: Row): Omit<Row, Kept> {
  const { id: _i, provider_location: _p, use_quota: _u, _name_id: _n, deleted: _d, deleted_at: _a, ...columns } = row;
  return columns;
}

/** The times come along, `updated_at` too: upstream's objects carry them over. */
async function write(db: Kysely<Schema>, id: string, columns: Partial<Row>): Promise<void> {
  await db.updateTable('volumes').set(encode('volumes', columns)).where('id', '=', id).execute();
}
