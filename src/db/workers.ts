import type { ExpressionBuilder, Kysely } from 'kysely';
import { type UtcTime, utcNow } from '../base/time.ts';
import type { Claim, ResourceKey, ResourceType, WorkerRow, WorkerTable } from '../interface/database.ts';
import type { ServiceHost } from '../objects/host.ts';
import type { Access } from './access.ts';
import { ofService } from './host-filter.ts';
import { born, encode, stored, touched } from './rows.ts';
import type { Schema } from './schema.ts';

/** Stands for a row without a time, which upstream never leaves. */
const never = '1970-01-01T00:00:00.000000' as UtcTime;

/** The table `workers` and its protocol (database.md §3.8, §5). */
export function workerTable({ read, write }: Access): WorkerTable {
  return {
    find: (key) => read((db) => find(db, key)),
    ofService: (serviceId) =>
      read(async (db) => {
        const rows = await joined(db)
          .where('workers.service_id', serviceId === null ? 'is' : '=', serviceId)
          .orderBy('workers.id')
          .execute();
        return rows.map(toWorkerRow);
      }),
    handedOver: (host) => read((db) => handedOver(db, host)),
    insert: (key, status, serviceId) => write((db) => insert(db, key, status, serviceId)),
    take: (row, status, serviceId) => write((db) => take(db, row, status, serviceId)),
    setStatus: (claim, status, serviceId) => write((db) => setStatus(db, claim, status, serviceId)),
    renew: (claims, serviceId) => write((db) => renew(db, claims, serviceId)),
    giveBack: (row, claim, serviceId) => write((db) => giveBack(db, row, claim, serviceId)),
    release: (claim, serviceId) =>
      write(async (db) => {
        const { numDeletedRows } = await db.deleteFrom('workers').where(held(claim, serviceId)).executeTakeFirst();
        return numDeletedRows > 0n;
      }),
    handOver: (key, status) => write((db) => handOver(db, key, status)),
    withdraw: (key) =>
      write(async (db) => {
        const { numDeletedRows } = await db
          .deleteFrom('workers')
          .where('resource_type', '=', key.type)
          .where('resource_id', '=', key.id)
          .where('service_id', 'is', null)
          .executeTakeFirst();
        return numDeletedRows > 0n;
      }),
  };
}

async function find(db: Kysely<Schema>, key: ResourceKey): Promise<WorkerRow | undefined> {
  const row = await joined(db)
    .where('workers.resource_type', '=', key.type)
    .where('workers.resource_id', '=', key.id)
    .executeTakeFirst();
  return row && toWorkerRow(row);
}

/** Nobody at work holds a row without owner, one of another kind of service, and one whose service was removed. */
async function handedOver(db: Kysely<Schema>, host: ServiceHost): Promise<readonly WorkerRow[]> {
  const rows = await joined(db)
    .leftJoin('volumes', (join) =>
      join.onRef('volumes.id', '=', 'workers.resource_id').on('workers.resource_type', '=', 'Volume'),
    )
    .leftJoin('snapshots', (join) =>
      join.onRef('snapshots.id', '=', 'workers.resource_id').on('workers.resource_type', '=', 'Snapshot'),
    )
    .leftJoin('volumes as parent', 'parent.id', 'snapshots.volume_id')
    .leftJoin('group_snapshots', (join) =>
      join.onRef('group_snapshots.id', '=', 'workers.resource_id').on('workers.resource_type', '=', 'GroupSnapshot'),
    )
    .leftJoin('groups', (join) =>
      join.on((eb) =>
        eb.or([
          eb('groups.id', '=', eb.ref('group_snapshots.group_id')),
          eb('groups.id', '=', eb.ref('workers.resource_id')).and('workers.resource_type', '=', 'Group'),
        ]),
      ),
    )
    .where((eb) =>
      eb.or([
        eb('services.id', 'is', null),
        eb('services.binary', '!=', 'cinder-volume'),
        eb('services.deleted', '=', true),
      ]),
    )
    .where(({ fn, ref }) => ofService(fn.coalesce(ref('volumes.host'), ref('parent.host'), ref('groups.host')), host))
    .orderBy('workers.id')
    .execute();
  return rows.map(toWorkerRow);
}

async function insert(
  db: Kysely<Schema>,
  key: ResourceKey,
  status: string,
  service_id: number | null,
): Promise<Claim | undefined> {
  if ((await idOf(db, key)) !== undefined) return undefined;
  const now = utcNow();
  const row = { resource_type: key.type, resource_id: key.id, status, service_id, race_preventer: 0 };
  const values = encode('workers', { ...row, ...born(now), ...touched(now) });
  await db.insertInto('workers').values(values).execute();
  const id = await idOf(db, key);
  return id === undefined ? undefined : { id, key, status };
}

async function take(db: Kysely<Schema>, row: WorkerRow, status: string, serviceId: number): Promise<Claim | undefined> {
  const { numUpdatedRows } = await db
    .updateTable('workers')
    .set(encode('workers', { status, service_id: serviceId, race_preventer: row.race_preventer + 1, ...touched() }))
    .where('id', '=', row.id)
    .where('resource_type', '=', row.key.type)
    .where('resource_id', '=', row.key.id)
    .where('status', '=', row.status)
    .where('race_preventer', '=', row.race_preventer)
    .where(
      'updated_at',
      row.updated_at === never ? 'is' : '=',
      row.updated_at === never ? null : stored(row.updated_at),
    )
    .where('service_id', row.service_id === null ? 'is' : '=', row.service_id)
    .where('deleted', '=', false)
    .executeTakeFirst();
  return numUpdatedRows > 0n ? { id: row.id, key: row.key, status } : undefined;
}

async function setStatus(db: Kysely<Schema>, claim: Claim, status: string, serviceId: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('workers')
    .set((eb) => ({ ...encode('workers', { status, ...touched() }), race_preventer: eb('race_preventer', '+', 1) }))
    .where(held(claim, serviceId))
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

async function renew(db: Kysely<Schema>, claims: readonly Claim[], serviceId: number): Promise<ReadonlySet<number>> {
  if (claims.length === 0) return new Set();
  const ids = claims.map(({ id }) => id);
  const rows = await db
    .selectFrom('workers')
    .select(['id', 'resource_id'])
    .where('id', 'in', ids)
    .where('service_id', '=', serviceId)
    .execute();
  const holders = new Map(rows.map(({ id, resource_id }) => [id, resource_id]));
  const ours = new Set(claims.filter(({ id, key }) => holders.get(id) === key.id).map(({ id }) => id));
  if (ours.size > 0) {
    await db
      .updateTable('workers')
      .set((eb) => ({ ...encode('workers', touched()), race_preventer: eb('race_preventer', '+', 1) }))
      .where('id', 'in', [...ours])
      .where('service_id', '=', serviceId)
      .execute();
  }
  return ours;
}

async function giveBack(db: Kysely<Schema>, row: WorkerRow, claim: Claim, serviceId: number): Promise<boolean> {
  const { status, service_id, updated_at } = row;
  const { numUpdatedRows } = await db
    .updateTable('workers')
    .set((eb) => ({
      ...encode('workers', { status, service_id, updated_at }),
      race_preventer: eb('race_preventer', '+', 1),
    }))
    .where(held(claim, serviceId))
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

async function handOver(db: Kysely<Schema>, key: ResourceKey, status: string): Promise<void> {
  const id = await idOf(db, key);
  if (id === undefined) {
    await insert(db, key, status, null);
    return;
  }
  await db
    .updateTable('workers')
    .set((eb) => ({
      ...encode('workers', { status, service_id: null, ...touched() }),
      race_preventer: eb('race_preventer', '+', 1),
    }))
    .where('id', '=', id)
    .execute();
}

async function idOf(db: Kysely<Schema>, key: ResourceKey): Promise<number | undefined> {
  const row = await db
    .selectFrom('workers')
    .select('id')
    .where('resource_type', '=', key.type)
    .where('resource_id', '=', key.id)
    .executeTakeFirst();
  return row?.id;
}

/** The row of a claim while it is ours. SQLite gives the id of a deleted row to the next one: the resource must be the same, too. */
function held({ id, key, status }: Claim, serviceId: number) {
  return (eb: ExpressionBuilder<Schema, 'workers'>) =>
    eb.and({ id, resource_type: key.type, resource_id: key.id, status, service_id: serviceId });
}

/** Live rows with the service that holds them. The sentinel of old MySQL servers is no row of ours. */
function joined(db: Kysely<Schema>) {
  return db
    .selectFrom('workers')
    .leftJoin('services', 'services.id', 'workers.service_id')
    .select([
      'workers.id',
      'workers.resource_type',
      'workers.resource_id',
      'workers.status',
      'workers.service_id',
      'workers.race_preventer',
      'workers.updated_at',
      'services.host as owner_host',
      'services.binary as owner_binary',
      'services.deleted as owner_deleted',
    ])
    .where('workers.resource_type', '!=', 'SENTINEL')
    .where('workers.deleted', '=', false);
}

type Joined = Awaited<ReturnType<ReturnType<typeof joined>['executeTakeFirstOrThrow']>>;

function toWorkerRow(row: Joined): WorkerRow {
  const { id, status, service_id, race_preventer, updated_at, owner_host, owner_binary, owner_deleted } = row;
  const key = { type: row.resource_type as ResourceType, id: row.resource_id };
  const known = { id, key, status, service_id, race_preventer, updated_at: updated_at ?? never };
  const isOwned = service_id !== null && owner_deleted !== null;
  if (!isOwned) return known;
  return {
    ...known,
    owner: { id: service_id, host: owner_host ?? '', binary: owner_binary ?? '', deleted: owner_deleted },
  };
}
