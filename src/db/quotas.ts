import { randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import { plusSeconds, secondsBetween, type UtcTime, utcNow } from '../base/time.ts';
import type { QuotaDeltas, QuotaTable } from '../interface/quota-table.ts';
import { OverQuota } from '../objects/exceptions.ts';
import type { Access } from './access.ts';
import { locked } from './locks.ts';
import type { TableOptions } from './options.ts';
import { count, type Resource, resourcesOf } from './quota-counts.ts';
import { limitsOf } from './quota-limits.ts';
import { addUsages, changeUsage, type Usage, usagesOf } from './quota-usages.ts';
import { stored } from './rows.ts';
import type { Schema } from './schema.ts';
import { statement } from './statement.ts';

interface Terms {
  readonly projectId: string;
  readonly quotaClass: string | null;
  readonly options: TableOptions;
}

/** Quota arithmetic (database.md §7). */
export function quotaTable({ read, write }: Access, options: TableOptions): QuotaTable {
  return {
    async reserve(deltas, projectId, quotaClass = null) {
      const outcome = await write((db) => reserve(db, deltas, { projectId, quotaClass, options }));
      // Thrown out here: what was counted anew stays counted.
      if (outcome instanceof OverQuota) throw outcome;
      return outcome;
    },
    limit: (resource, projectId, quotaClass = null) =>
      read(async (db) => (await limitsOf(db, [resource], projectId, quotaClass, options))[resource] ?? -1),
    commit: (reservations, projectId) => write((db) => settle(db, reservations, projectId, used)),
    rollback: (reservations, projectId) => write((db) => settle(db, reservations, projectId, released)),
  };
}

type Move = (usage: Usage, delta: number) => Pick<Usage, 'in_use' | 'reserved'>;

const released: Move = ({ in_use, reserved }, delta) => ({
  in_use,
  reserved: delta >= 0 ? reserved - Math.min(delta, reserved) : reserved,
});

const used: Move = (usage, delta) => ({
  ...released(usage, delta),
  in_use: delta >= 0 ? usage.in_use + delta : Math.max(0, usage.in_use + delta),
});

async function reserve(db: Kysely<Schema>, deltas: QuotaDeltas, terms: Terms): Promise<readonly string[] | OverQuota> {
  const { projectId, quotaClass, options } = terms;
  const resources = resourcesOf(Object.keys(deltas));
  const usages = new Map<string, Usage>();
  for (const [name, usage] of await presentUsages(db, resources, terms)) {
    usages.set(name, await refreshed(db, usage, resources.get(name), terms));
  }
  const increases = Object.entries(deltas).filter(([, delta]) => delta >= 0);
  const quotas = await limitsOf(
    db,
    increases.map(([name]) => name),
    projectId,
    quotaClass,
    options,
  );
  const overs = increases
    .filter(([name, delta]) => isOver(quotas[name] ?? -1, delta, usages.get(name)))
    .map(([name]) => name)
    .sort();
  if (overs.length > 0) return new OverQuota({ overs, quotas, usages: Object.fromEntries(usages) });
  return insertReservations(db, deltas, usages, terms);
}

/** The usage rows of all resources, locked in the order of their ids; a missing one is made from what is there. */
async function presentUsages(
  db: Kysely<Schema>,
  resources: ReadonlyMap<string, Resource>,
  { projectId, options }: Terms,
): Promise<ReadonlyMap<string, Usage>> {
  const names = [...resources.keys()];
  const usages = await usagesOf(db, projectId, names);
  const missing: { resource: string; in_use: number }[] = [];
  for (const [name, resource] of resources) {
    if (!usages.has(name)) missing.push({ resource: name, in_use: await count(db, resource, projectId, options) });
  }
  if (missing.length === 0) return usages;
  await addUsages(db, projectId, missing, options.until_refresh || null);
  return usagesOf(db, projectId, names);
}

/** Counts anew where the number cannot be right, or when it is time to (`until_refresh`, `max_age`). */
async function refreshed(
  db: Kysely<Schema>,
  usage: Usage,
  resource: Resource | undefined,
  { projectId, options }: Terms,
): Promise<Usage> {
  const preset = options.until_refresh || null;
  const left = usage.in_use < 0 || usage.until_refresh === null ? usage.until_refresh : usage.until_refresh - 1;
  const age = usage.updated_at === null ? 0 : secondsBetween(usage.updated_at, utcNow());
  const isDue =
    usage.in_use < 0 ||
    (left === null ? options.max_age > 0 && usage.updated_at !== null && age >= options.max_age : left <= 0);
  if (isDue && resource !== undefined) {
    const in_use = await count(db, resource, projectId, options);
    return changeUsage(db, usage, { in_use, until_refresh: preset });
  }
  const isLess = (left === null && preset !== null) || (left ?? 0) > (preset ?? 0);
  return changeUsage(db, usage, { until_refresh: isLess ? preset : left });
}

function isOver(limit: number, delta: number, usage: Usage | undefined): boolean {
  return limit >= 0 && limit < delta + (usage?.in_use ?? 0) + (usage?.reserved ?? 0);
}

/** Only increases are reserved: what a delete sets free may not be spent before it is done. */
async function insertReservations(
  db: Kysely<Schema>,
  deltas: QuotaDeltas,
  usages: ReadonlyMap<string, Usage>,
  { projectId, options }: Terms,
): Promise<readonly string[]> {
  const now = utcNow();
  const expire = stored(plusSeconds(now, options.reservation_expire));
  const uuids: string[] = [];
  for (const [resource, usage] of usages) {
    const delta = deltas[resource] ?? 0;
    const uuid = randomUUID();
    await inserting(db, { uuid, usage: usage.id, projectId, resource, delta, expire, now: stored(now) });
    if (delta > 0) await changeUsage(db, usage, { reserved: usage.reserved + delta });
    uuids.push(uuid);
  }
  return uuids;
}

interface NewReservation {
  readonly uuid: string;
  readonly usage: number;
  readonly projectId: string;
  readonly resource: string;
  readonly delta: number;
  readonly expire: UtcTime;
  readonly now: UtcTime;
}

const inserting = statement((db, row: NewReservation) =>
  db.insertInto('reservations').values({
    uuid: row.uuid,
    usage_id: row.usage,
    project_id: row.projectId,
    resource: row.resource,
    delta: row.delta,
    expire: row.expire,
    allocated_id: null,
    created_at: row.now,
    updated_at: null,
    deleted_at: null,
    deleted: false,
  }),
);

/** Ends reservations and moves their usage. Usage is locked before the reservations are, as everywhere. */
async function settle(db: Kysely<Schema>, uuids: readonly string[], projectId: string, move: Move): Promise<void> {
  if (uuids.length === 0) return;
  const named = await resourcesReserved(db, { uuids });
  const resources = named.rows.flatMap(({ resource }) => resource ?? []);
  const known = await usagesOf(db, projectId, resources);
  const usages = new Map([...known.values()].map((usage) => [usage.id, usage]));
  const { rows } = await reservations(db, { uuids });
  const ended: number[] = [];
  for (const { id, usage_id, delta } of rows) {
    const usage = usages.get(usage_id ?? 0);
    if (usage === undefined) continue;
    usages.set(usage.id, await changeUsage(db, usage, move(usage, delta)));
    ended.push(id);
  }
  if (ended.length > 0) await ending(db, { ids: ended, now: stored(utcNow()) });
}

function live(db: Kysely<Schema>, uuids: readonly string[]) {
  return db.selectFrom('reservations').where('uuid', 'in', uuids).where('deleted', '=', false);
}

const resourcesReserved = statement((db, { uuids }: { uuids: readonly string[] }) =>
  live(db, uuids).select('resource').distinct(),
);

const reservations = statement((db, { uuids }: { uuids: readonly string[] }) =>
  locked(db, live(db, uuids).select(['id', 'usage_id', 'delta']).orderBy('id')),
);

/** Row by row in upstream, so that `updated_at` moves with it (database.md §1.1). */
const ending = statement((db, { ids, now }: { ids: readonly number[]; now: UtcTime }) =>
  db.updateTable('reservations').set({ deleted: true, deleted_at: now, updated_at: now }).where('id', 'in', ids),
);
