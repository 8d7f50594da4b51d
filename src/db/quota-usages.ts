import type { Kysely } from 'kysely';
import { type UtcTime, utcNow } from '../base/time.ts';
import { locked } from './locks.ts';
import { born, encode, stored } from './rows.ts';
import type { Schema } from './schema.ts';
import { statement } from './statement.ts';

/** A row of `quota_usages`. */
export interface Usage {
  readonly id: number;
  readonly in_use: number;
  readonly reserved: number;
  readonly until_refresh: number | null;
  readonly updated_at: UtcTime | null;
}

const live = statement((db, { projectId, resources }: { projectId: string; resources: readonly string[] }) =>
  locked(
    db,
    db
      .selectFrom('quota_usages')
      .select(['id', 'resource', 'in_use', 'reserved', 'until_refresh', 'updated_at'])
      .where('project_id', '=', projectId)
      .where('resource', 'in', resources)
      .where('deleted', '=', false)
      .orderBy('id'),
  ),
);

/** The live rows of a project by resource, lowest id first: every writer locks them in this order. */
export async function usagesOf(
  db: Kysely<Schema>,
  projectId: string,
  resources: readonly string[],
): Promise<ReadonlyMap<string, Usage>> {
  if (resources.length === 0) return new Map();
  const { rows } = await live(db, { projectId, resources });
  return new Map(rows.map(({ resource, ...usage }) => [resource ?? '', usage]));
}

export async function addUsages(
  db: Kysely<Schema>,
  project_id: string,
  counts: readonly { readonly resource: string; readonly in_use: number }[],
  until_refresh: number | null,
): Promise<void> {
  const now = utcNow();
  const rows = counts.map(({ resource, in_use }) =>
    encode('quota_usages', {
      project_id,
      resource,
      in_use,
      reserved: 0,
      until_refresh,
      race_preventer: true,
      ...born(now),
    }),
  );
  await db.insertInto('quota_usages').values(rows).execute();
}

const changing = statement((db, { id, in_use, reserved, until_refresh, updated_at }: Usage) =>
  db.updateTable('quota_usages').set({ in_use, reserved, until_refresh, updated_at }).where('id', '=', id),
);

/** Writes what differs and returns the row as it is then; nothing different, nothing written. */
export async function changeUsage(
  db: Kysely<Schema>,
  usage: Usage,
  changes: Partial<Pick<Usage, 'in_use' | 'reserved' | 'until_refresh'>>,
): Promise<Usage> {
  const differs = Object.entries(changes).some(([column, value]) => usage[column as keyof Usage] !== value);
  if (!differs) return usage;
  const next = { ...usage, ...changes, updated_at: utcNow() };
  await changing(db, { ...next, updated_at: stored(next.updated_at) });
  return next;
}
