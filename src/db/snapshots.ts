import type { Insertable, Kysely, Selectable } from 'kysely';
import { type UtcTime, utcNow } from '../base/time.ts';
import type { Page } from '../interface/row.ts';
import type { NewSnapshot, SnapshotChanges, SnapshotTable } from '../interface/snapshot-table.ts';
import type { ServiceHost } from '../objects/host.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import type { Access } from './access.ts';
import { ofService } from './host-filter.ts';
import { exactly, locked } from './locks.ts';
import { addMetadata, metadataOf, replaceMetadata } from './metadata.ts';
import { born, encode, stored, touched } from './rows.ts';
import type { Schema } from './schema.ts';
import { changed, statement } from './statement.ts';
import { defaultType } from './volume-types.ts';

/** The tables `snapshots` and `snapshot_metadata` (database.md §3.5, §4). */
export function snapshotTable({ read, write, isTransaction }: Access, defaultTypeName: string): SnapshotTable {
  return {
    get: (id) => read((db) => get(db, id, isTransaction)),
    named: (name) => read((db) => named(db, name)),
    list: (page) => read(async (db) => complete(db, await paged(db, page).execute())),
    ofVolume: (volumeId) =>
      read(async (db) => complete(db, await live(db).where('volume_id', '=', volumeId).orderBy('id').execute())),
    ofGroupSnapshot: (id) =>
      read(async (db) => complete(db, await live(db).where('group_snapshot_id', '=', id).orderBy('id').execute())),
    ofService: (host, page, statuses) => read((db) => listOfService(db, host, page, statuses)),
    create: (snapshot) => write((db) => create(db, snapshot, defaultTypeName)),
    update: (id, changes, expected) => write((db) => update(db, id, changes, expected)),
    destroy: (id) => write((db) => destroy(db, id)),
  };
}

const byId = statement((db, { id }: { id: string }) => live(db).where('id', '=', id));

const heldById = statement((db, { id }: { id: string }) => locked(db, live(db).where('id', '=', id)));

/** `holds` keeps the row as it is until the transaction ends. */
async function get(db: Kysely<Schema>, id: string, holds = false): Promise<Snapshot | undefined> {
  const { rows } = await (holds ? heldById : byId)(db, { id });
  return (await complete(db, rows))[0];
}

async function named(db: Kysely<Schema>, name: string): Promise<readonly Snapshot[]> {
  const snapshot = await get(db, name);
  if (snapshot !== undefined) return [snapshot];
  return complete(
    db,
    await live(db)
      .where(({ ref }) => exactly(db, ref('display_name'), name))
      .orderBy('id')
      .execute(),
  );
}

async function listOfService(
  db: Kysely<Schema>,
  host: ServiceHost,
  page: Page,
  statuses?: readonly string[],
): Promise<readonly Snapshot[]> {
  if (statuses?.length === 0) return [];
  const query = paged(db, page)
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('volumes')
          .select('volumes.id')
          .whereRef('volumes.id', '=', 'snapshots.volume_id')
          .where(({ ref }) => ofService(db, ref('volumes.host'), host)),
      ),
    )
    .$if(statuses !== undefined, (some) => some.where('status', 'in', statuses ?? []));
  return complete(db, await query.execute());
}

async function create(db: Kysely<Schema>, snapshot: NewSnapshot, defaultTypeName: string): Promise<void> {
  const { metadata, ...columns } = snapshot;
  const volume_type_id = snapshot.volume_type_id ?? (await defaultType(db, defaultTypeName)).id;
  await inserting(db, encode('snapshots', { use_quota: true, ...columns, volume_type_id, ...born() }));
  await addMetadata(db, 'snapshot_metadata', snapshot.id, Object.entries(metadata ?? {}));
}

const inserting = statement((db, row: Insertable<Schema['snapshots']>) => db.insertInto('snapshots').values(row));

async function update(
  db: Kysely<Schema>,
  id: string,
  changes: SnapshotChanges,
  expected?: readonly string[],
): Promise<boolean> {
  const { metadata, ...columns } = changes;
  if (expected?.length === 0) return false;
  const values = encode('snapshots', { ...columns, ...touched() });
  const target = { id, ...(expected === undefined ? {} : { expected }) };
  if (!changed(await updating(db, { ...values, ...target }))) return false;
  if (metadata) await replaceMetadata(db, 'snapshot_metadata', id, metadata);
  return true;
}

type Update = Partial<Selectable<Schema['snapshots']>> & { readonly id: string; readonly expected?: readonly string[] };

const updating = statement((db, { id, expected, ...columns }: Update) =>
  db
    .updateTable('snapshots')
    .set(columns)
    .where('id', '=', id)
    .where('deleted', '=', false)
    .$if(expected !== undefined, (some) => some.where('status', 'in', expected ?? [])),
);

/** `snapshot_destroy` of database.md §4. Image properties go by a call of their own. */
async function destroy(db: Kysely<Schema>, id: string): Promise<boolean> {
  const now = stored(utcNow());
  const buried = await buryingRow(db, { id, now });
  await buryingMetadata(db, { id, now });
  return changed(buried);
}

const buryingRow = statement((db, { id, now }: { id: string; now: UtcTime }) =>
  db
    .updateTable('snapshots')
    .set({ status: 'deleted', deleted: true, deleted_at: now })
    .where('id', '=', id)
    .where('deleted', '=', false),
);

const buryingMetadata = statement((db, { id, now }: { id: string; now: UtcTime }) =>
  db
    .updateTable('snapshot_metadata')
    .set({ deleted: true, deleted_at: now })
    .where('snapshot_id', '=', id)
    .where('deleted', '=', false),
);

function live(db: Kysely<Schema>) {
  return db.selectFrom('snapshots').selectAll().where('deleted', '=', false);
}

function paged(db: Kysely<Schema>, { after, limit }: Page) {
  return live(db)
    .$if(after !== undefined, (behind) => behind.where('id', '>', after ?? ''))
    .orderBy('id')
    .limit(limit);
}

async function complete(
  db: Kysely<Schema>,
  rows: readonly Selectable<Schema['snapshots']>[],
): Promise<readonly Snapshot[]> {
  if (rows.length === 0) return [];
  const ids = rows.map(({ id }) => id);
  const metadata = await metadataOf(db, 'snapshot_metadata', ids);
  return rows.map(({ scheduled_at: _, ...row }) => ({
    ...row,
    status: row.status as Snapshot['status'],
    volume_size: row.volume_size ?? 0,
    metadata: metadata.get(row.id) ?? {},
  }));
}
