import type { Kysely, Selectable } from 'kysely';
import type { Page } from '../interface/row.ts';
import type { PoolUsage, VolumeTable } from '../interface/volume-table.ts';
import { type ServiceHost, serviceOf } from '../objects/host.ts';
import type { Volume } from '../objects/volume.ts';
import type { Access } from './access.ts';
import { attachmentsOf } from './attachments.ts';
import {
  copyGlanceMetadata,
  glanceMetadataOf,
  glanceMetadataRows,
  removeGlanceMetadata,
  replaceGlanceMetadata,
} from './glance-metadata.ts';
import { ofService } from './host-filter.ts';
import { exactly, locked } from './locks.ts';
import { mergeMetadata, metadataOf, removeMetadata } from './metadata.ts';
import type { Schema } from './schema.ts';
import { statement } from './statement.ts';
import { finishMigration } from './volume-migration.ts';
import { typesOf } from './volume-types.ts';
import { createVolume, destroyVolume, settleStatus, updateVolume } from './volume-writes.ts';

/** The table `volumes` and what hangs on it (database.md §3.1 to §3.3, §4). */
export function volumeTable({ read, write, isTransaction }: Access, defaultTypeName: string): VolumeTable {
  return {
    get: (id) => read((db) => get(db, id, isTransaction)),
    named: (name) => read((db) => named(db, name)),
    list: (page) => read(async (db) => complete(db, await paged(db, page).execute())),
    ofService: (host, page, statuses) => read((db) => listOfService(db, host, page, statuses)),
    aboutToMigrate: (host) =>
      read(async (db) => {
        const starting = live(db).where('migration_status', '=', 'starting');
        return complete(db, await starting.where(({ ref }) => ofService(db, ref('host'), host)).execute());
      }),
    targetOf: (id) =>
      read(async (db) => {
        const rows = await live(db).where('migration_status', '=', `target:${id}`).limit(1).execute();
        return (await complete(db, rows))[0];
      }),
    ofGroup: (groupId) =>
      read(async (db) => complete(db, await live(db).where('group_id', '=', groupId).orderBy('id').execute())),
    usage: (host, statuses) => read((db) => usage(db, host, statuses)),
    serviceHosts: () => read(serviceHosts),
    create: (volume) => write((db) => createVolume(db, volume, defaultTypeName)),
    update: (id, changes, expected) => write((db) => updateVolume(db, id, changes, expected)),
    destroy: (id) => write((db) => destroyVolume(db, id)),
    settleStatus: (id) => write((db) => settleStatus(db, id)),
    finishMigration: (id, destinationId) => write((db) => finishMigration(db, id, destinationId)),
    restoredFromBackup: (id) => read((db) => restoredFromBackup(db, id)),
    setAdminMetadata: (id, key, value) =>
      write((db) => mergeMetadata(db, 'volume_admin_metadata', id, { [key]: value })),
    removeAdminMetadata: (id, key) => write((db) => removeMetadata(db, 'volume_admin_metadata', id, key)),
    copyGlanceMetadata: (from, to) => write((db) => copyGlanceMetadata(db, from, to)),
    glanceMetadata: (of) => read((db) => glanceMetadataOf(db, of)),
    glanceMetadataRows: (of) => read((db) => glanceMetadataRows(db, of)),
    replaceGlanceMetadata: (of, properties) => write((db) => replaceGlanceMetadata(db, of, properties)),
    removeGlanceMetadata: (of) => write((db) => removeGlanceMetadata(db, of)),
  };
}

const byId = statement((db, { id }: { id: string }) => live(db).where('id', '=', id));

const heldById = statement((db, { id }: { id: string }) => locked(db, live(db).where('id', '=', id)));

/** `holds` keeps the row as it is until the transaction ends. */
async function get(db: Kysely<Schema>, id: string, holds = false): Promise<Volume | undefined> {
  const { rows } = await (holds ? heldById : byId)(db, { id });
  return (await complete(db, rows))[0];
}

async function named(db: Kysely<Schema>, name: string): Promise<readonly Volume[]> {
  const volume = await get(db, name);
  if (volume !== undefined) return [volume];
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
): Promise<readonly Volume[]> {
  if (statuses?.length === 0) return [];
  const query = paged(db, page)
    .where(({ ref }) => ofService(db, ref('host'), host))
    .$if(statuses !== undefined, (some) => some.where('status', 'in', statuses ?? []));
  return complete(db, await query.execute());
}

async function usage(
  db: Kysely<Schema>,
  service: ServiceHost,
  statuses?: readonly string[],
): Promise<readonly PoolUsage[]> {
  if (statuses?.length === 0) return [];
  const rows = await db
    .selectFrom('volumes')
    .select(({ fn }) => ['host', fn.countAll<number>().as('count'), fn.sum<number | null>('size').as('size')])
    .where('deleted', '=', false)
    .where(({ ref }) => ofService(db, ref('host'), service))
    .$if(statuses !== undefined, (some) => some.where('status', 'in', statuses ?? []))
    .groupBy('host')
    .orderBy('host')
    .execute();
  return rows.map(({ host, count, size }) => ({ host: host ?? '', count: Number(count), size: Number(size ?? 0) }));
}

async function serviceHosts(db: Kysely<Schema>): Promise<readonly { host: string; count: number }[]> {
  const rows = await db
    .selectFrom('volumes')
    .select(({ fn }) => ['host', fn.countAll<number>().as('count')])
    .where('deleted', '=', false)
    .where('host', 'is not', null)
    .groupBy('host')
    .orderBy('host')
    .execute();
  const counts = new Map<string, number>();
  for (const { host, count } of rows) {
    const service = serviceOf(host ?? '');
    counts.set(service, (counts.get(service) ?? 0) + Number(count));
  }
  return [...counts].map(([host, count]) => ({ host, count }));
}

async function restoredFromBackup(db: Kysely<Schema>, id: string): Promise<boolean> {
  const row = await db
    .selectFrom('backups')
    .select('id')
    .where('restore_volume_id', '=', id)
    .where('status', '=', 'restoring')
    .where('deleted', '=', false)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

function live(db: Kysely<Schema>) {
  return db.selectFrom('volumes').selectAll().where('deleted', '=', false);
}

function paged(db: Kysely<Schema>, { after, limit }: Page) {
  return live(db)
    .$if(after !== undefined, (behind) => behind.where('id', '>', after ?? ''))
    .orderBy('id')
    .limit(limit);
}

/** Rows with what hangs on them: four statements, however many rows there are. */
async function complete(
  db: Kysely<Schema>,
  rows: readonly Selectable<Schema['volumes']>[],
): Promise<readonly Volume[]> {
  if (rows.length === 0) return [];
  const ids = rows.map(({ id }) => id);
  const metadata = await metadataOf(db, 'volume_metadata', ids);
  const adminMetadata = await metadataOf(db, 'volume_admin_metadata', ids);
  const attachments = await attachmentsOf(db, ids);
  const types = await typesOf(
    db,
    rows.map(({ volume_type_id }) => volume_type_id),
  );
  // The rows are ours alone; a copy of so many columns would take as long as SQLite did.
  return rows.map((row) =>
    Object.assign(row, {
      size: row.size ?? 0,
      status: row.status ?? '',
      metadata: metadata.get(row.id) ?? {},
      admin_metadata: adminMetadata.get(row.id) ?? {},
      volume_type: types.get(row.volume_type_id) ?? null,
      volume_attachment: { objects: attachments.get(row.id) ?? [] },
    }),
  );
}
