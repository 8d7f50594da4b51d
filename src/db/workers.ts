import type { ExpressionBuilder, Kysely } from 'kysely';
import { type UtcTime, utcNow } from '../base/time.ts';
import type { Claim, ResourceKey, WorkerRow, WorkerTable } from '../interface/worker-table.ts';
import type { Access } from './access.ts';
import { locked } from './locks.ts';
import { stored } from './rows.ts';
import type { Schema } from './schema.ts';
import { changed, statement } from './statement.ts';
import { handedOver, joined, toWorkerRow } from './worker-rows.ts';

/** The table `workers` and its protocol (database.md §3.8, §5). */
export function workerTable({ read, write }: Access): WorkerTable {
  return {
    find: (key) => read((db) => find(db, key)),
    ofService: (serviceId) => read((db) => ofService(db, serviceId)),
    handedOver: (host) => read((db) => handedOver(db, host)),
    insert: (key, status, serviceId) => write((db) => insert(db, key, status, serviceId)),
    take: (row, status, serviceId) => write((db) => take(db, row, status, serviceId)),
    setStatus: (claim, status, holder) =>
      write((db) => rewrite(db, held(claim, holder), { status, service_id: holder, updated_at: utcNow() })),
    renew: (claims, holder) => write((db) => renew(db, claims, holder)),
    giveBack: (row, claim, holder) => write((db) => rewrite(db, held(claim, holder), row)),
    release: (claim, holder) => write(async (db) => changed(await releasing(db, held(claim, holder)))),
    handOver: (key, status) => write((db) => handOver(db, key, status)),
    withdraw: (key) => write(async (db) => changed(await withdrawing(db, key))),
  };
}

const byKey = statement((db, { type, id }: ResourceKey) =>
  joined(db).where('workers.resource_type', '=', type).where('workers.resource_id', '=', id),
);

async function find(db: Kysely<Schema>, key: ResourceKey): Promise<WorkerRow | undefined> {
  const [row] = (await byKey(db, key)).rows;
  return row && toWorkerRow(row);
}

async function ofService(db: Kysely<Schema>, serviceId: number | null): Promise<readonly WorkerRow[]> {
  const rows = await joined(db)
    .where('workers.service_id', serviceId === null ? 'is' : '=', serviceId)
    .orderBy('workers.id')
    .execute();
  return rows.map(toWorkerRow);
}

const rowIds = statement((db, { type, id }: ResourceKey) =>
  db.selectFrom('workers').select('id').where('resource_type', '=', type).where('resource_id', '=', id),
);

const inserting = statement(
  (db, values: { type: string; id: string; status: string; holder: number | null; now: UtcTime }) =>
    db.insertInto('workers').values({
      resource_type: values.type,
      resource_id: values.id,
      status: values.status,
      service_id: values.holder,
      race_preventer: 0,
      created_at: values.now,
      updated_at: values.now,
      deleted_at: null,
      deleted: false,
    }),
);

async function insert(
  db: Kysely<Schema>,
  key: ResourceKey,
  status: string,
  holder: number | null,
): Promise<Claim | undefined> {
  if ((await rowIds(db, key)).rows.length > 0) return undefined;
  await inserting(db, { ...key, status, holder, now: stored(utcNow()) });
  const [row] = (await rowIds(db, key)).rows;
  return row && { id: row.id, key, status };
}

/** What `take` compares, the owner apart, and what it writes. */
interface Token {
  readonly id: number;
  readonly type: string;
  readonly resource: string;
  readonly was: string;
  readonly race_preventer: number;
  readonly at: UtcTime;
  readonly status: string;
  readonly holder: number;
  readonly next: number;
  readonly now: UtcTime;
}

function taking(db: Kysely<Schema>, token: Token) {
  return db
    .updateTable('workers')
    .set({ status: token.status, service_id: token.holder, race_preventer: token.next, updated_at: token.now })
    .where('id', '=', token.id)
    .where('resource_type', '=', token.type)
    .where('resource_id', '=', token.resource)
    .where('status', '=', token.was)
    .where('race_preventer', '=', token.race_preventer)
    .where('updated_at', '=', token.at)
    .where('deleted', '=', false);
}

const takingFree = statement((db, token: Token) => taking(db, token).where('service_id', 'is', null));

const takingFrom = statement((db, { from, ...token }: Token & { readonly from: number }) =>
  taking(db, token).where('service_id', '=', from),
);

async function take(db: Kysely<Schema>, row: WorkerRow, status: string, holder: number): Promise<Claim | undefined> {
  const { id, key, race_preventer, service_id } = row;
  const token = {
    id,
    type: key.type,
    resource: key.id,
    was: row.status,
    race_preventer,
    at: stored(row.updated_at),
    status,
    holder,
    next: race_preventer + 1,
    now: stored(utcNow()),
  };
  const result = service_id === null ? takingFree(db, token) : takingFrom(db, { ...token, from: service_id });
  return changed(await result) ? { id, key, status } : undefined;
}

/** The row of a claim while `holder` has it. SQLite gives the id of a deleted row to the next one: the resource counts, too. */
interface Held {
  readonly id: number;
  readonly type: string;
  readonly resource: string;
  readonly was: string;
  readonly holder: number;
}

function held({ id, key, status }: Claim, holder: number): Held {
  return { id, type: key.type, resource: key.id, was: status, holder };
}

function matches({ id, type, resource, was, holder }: Held) {
  return ({ and }: ExpressionBuilder<Schema, 'workers'>) =>
    and({ id, resource_type: type, resource_id: resource, status: was, service_id: holder });
}

const releasing = statement((db, claim: Held) => db.deleteFrom('workers').where(matches(claim)));

type Rewritten = Pick<WorkerRow, 'status' | 'service_id' | 'updated_at'>;

const rewriting = statement((db, { status, service_id, updated_at, ...claim }: Held & Rewritten) =>
  db
    .updateTable('workers')
    .set((eb) => ({ status, service_id, updated_at, race_preventer: eb('race_preventer', '+', 1) }))
    .where(matches(claim)),
);

async function rewrite(
  db: Kysely<Schema>,
  claim: Held,
  { status, service_id, updated_at }: Rewritten,
): Promise<boolean> {
  return changed(await rewriting(db, { ...claim, status, service_id, updated_at: stored(updated_at) }));
}

const holdings = statement((db, { ids, holder }: { ids: readonly number[]; holder: number }) =>
  locked(
    db,
    db.selectFrom('workers').select(['id', 'resource_id']).where('id', 'in', ids).where('service_id', '=', holder),
  ),
);

const renewing = statement((db, { ids, now }: { ids: readonly number[]; now: UtcTime }) =>
  db
    .updateTable('workers')
    .set((eb) => ({ updated_at: now, race_preventer: eb('race_preventer', '+', 1) }))
    .where('id', 'in', ids),
);

async function renew(db: Kysely<Schema>, claims: readonly Claim[], holder: number): Promise<ReadonlySet<number>> {
  if (claims.length === 0) return new Set();
  const { rows } = await holdings(db, { ids: claims.map(({ id }) => id), holder });
  const resources = new Map(rows.map(({ id, resource_id }) => [id, resource_id]));
  const ours = claims.filter(({ id, key }) => resources.get(id) === key.id).map(({ id }) => id);
  if (ours.length > 0) await renewing(db, { ids: ours, now: stored(utcNow()) });
  return new Set(ours);
}

const handing = statement(
  (db, { type, id, status, now }: ResourceKey & { readonly status: string; readonly now: UtcTime }) =>
    db
      .updateTable('workers')
      .set((eb) => ({ status, service_id: null, updated_at: now, race_preventer: eb('race_preventer', '+', 1) }))
      .where('resource_type', '=', type)
      .where('resource_id', '=', id),
);

async function handOver(db: Kysely<Schema>, key: ResourceKey, status: string): Promise<void> {
  const now = stored(utcNow());
  if (changed(await handing(db, { ...key, status, now }))) return;
  await inserting(db, { ...key, status, holder: null, now });
}

const withdrawing = statement((db, { type, id }: ResourceKey) =>
  db
    .deleteFrom('workers')
    .where('resource_type', '=', type)
    .where('resource_id', '=', id)
    .where('service_id', 'is', null),
);
