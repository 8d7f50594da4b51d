import { randomUUID } from 'node:crypto';
import type { Kysely, Selectable } from 'kysely';
import { type UtcTime, utcNow } from '../base/time.ts';
import type { NewService, ServiceChanges, ServiceTable } from '../interface/service-table.ts';
import type { Service } from '../objects/service.ts';
import type { Access } from './access.ts';
import { joinCluster } from './clusters.ts';
import { exactly, locked } from './locks.ts';
import { born, encode, stored, touched } from './rows.ts';
import type { Schema } from './schema.ts';
import { changed, statement } from './statement.ts';

/** The table `services` (database.md §2.1). */
export function serviceTable({ read, write }: Access): ServiceTable {
  return {
    find: (host, binary) => read((db) => find(db, host, binary)),
    get: (id) => read((db) => get(db, id)),
    list: () =>
      read(async (db) => {
        const rows = await db.selectFrom('services').selectAll().where('deleted', '=', false).orderBy('id').execute();
        return rows.map(toService);
      }),
    register: (service) => write((db) => register(db, service)),
    reportState: (id, availability_zone) =>
      write(async (db) => {
        return changed(await reporting(db, { id, availability_zone, now: stored(utcNow()) }));
      }),
    update: (id, changes) => write((db) => update(db, id, changes)),
  };
}

const reporting = statement((db, report: { id: number; availability_zone: string; now: UtcTime }) =>
  db
    .updateTable('services')
    .set((eb) => ({
      report_count: eb('report_count', '+', 1),
      availability_zone: report.availability_zone,
      updated_at: report.now,
    }))
    .where('id', '=', report.id)
    .where('deleted', '=', false),
);

async function register(db: Kysely<Schema>, service: NewService): Promise<Service> {
  await oneByOne(db);
  const { host, binary, cluster_name, rpc_current_version, object_current_version } = service;
  const known = (await find(db, host, binary)) ?? (await insert(db, service));
  const joins = known.cluster_name === null && cluster_name !== null;
  const changes = {
    ...(joins ? await joinCluster(db, cluster_name, known) : {}),
    rpc_current_version,
    object_current_version,
  };
  const differs = Object.entries(changes).some(([column, value]) => known[column as keyof Service] !== value);
  if (!differs) return known;
  await update(db, known.id, changes);
  return (await get(db, known.id)) ?? known;
}

/**
 * No key of the table keeps two processes from making two rows for one host. They meet at a row that every database has:
 * the sentinel of `workers`.
 */
async function oneByOne(db: Kysely<Schema>): Promise<void> {
  await locked(db, db.selectFrom('workers').select('id').where('resource_type', '=', 'SENTINEL')).execute();
}

async function insert(db: Kysely<Schema>, service: NewService): Promise<Service> {
  const now = utcNow();
  const uuid = randomUUID();
  const presets = { cluster_name: null, report_count: 0, replication_status: 'not-capable', frozen: false, uuid };
  const values = encode('services', { ...service, ...presets, ...born(now), ...touched(now) });
  await db.insertInto('services').values(values).execute();
  const row = await db.selectFrom('services').selectAll().where('uuid', '=', uuid).executeTakeFirstOrThrow();
  return toService(row);
}

/** An administrator's switch is no heartbeat: it leaves `updated_at`, by which peers tell who is up (database.md §1.1). */
async function update(db: Kysely<Schema>, id: number, changes: ServiceUpdate): Promise<boolean> {
  const stamps = 'disabled' in changes ? { modified_at: utcNow() } : touched();
  const { numUpdatedRows } = await db
    .updateTable('services')
    .set(encode('services', { ...changes, ...stamps }))
    .where('id', '=', id)
    .where('deleted', '=', false)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

type ServiceUpdate = ServiceChanges & Partial<Pick<Service, 'rpc_current_version' | 'object_current_version'>>;

/** The row of a service, compared exactly; of several the oldest. */
async function find(db: Kysely<Schema>, host: string, binary: string): Promise<Service | undefined> {
  const row = await db
    .selectFrom('services')
    .selectAll()
    .where('deleted', '=', false)
    .where(({ ref }) => exactly(db, ref('host'), host))
    .where('binary', '=', binary)
    .orderBy('id')
    .limit(1)
    .executeTakeFirst();
  return row && toService(row);
}

async function get(db: Kysely<Schema>, id: number): Promise<Service | undefined> {
  const row = await db
    .selectFrom('services')
    .selectAll()
    .where('id', '=', id)
    .where('deleted', '=', false)
    .executeTakeFirst();
  return row && toService(row);
}

function toService(row: Selectable<Schema['services']>): Service {
  const { deleted_at: _, ...columns } = row;
  return {
    ...columns,
    host: row.host ?? '',
    binary: row.binary ?? '',
    topic: row.topic ?? '',
    disabled: row.disabled ?? false,
    frozen: row.frozen ?? false,
    deleted: row.deleted ?? false,
  };
}
