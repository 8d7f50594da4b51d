import type { Kysely } from 'kysely';
import { QuotaResourceUnknown } from '../objects/exceptions.ts';
import type { TableOptions } from './options.ts';
import type { Schema } from './schema.ts';

const perType = ['volumes', 'gigabytes', 'snapshots'] as const;
const plain = [...perType, 'backups', 'backup_gigabytes', 'groups'] as const;

/** Something that quota counts; with `type` only what is of the volume type of that name (database.md §7.1). */
export interface Resource {
  readonly name: string;
  readonly kind: (typeof plain)[number];
  readonly type?: string;
}

/** What the names mean: `gigabytes_gold` is of the type `gold`. Throws QuotaResourceUnknown with all that mean nothing. */
export function resourcesOf(names: readonly string[]): ReadonlyMap<string, Resource> {
  const resources = new Map<string, Resource>();
  for (const name of names) {
    const resource = plainResource(name) ?? typedResource(name);
    if (resource !== undefined) resources.set(name, resource);
  }
  const unknown = names.filter((name) => !resources.has(name)).sort();
  if (unknown.length > 0) throw new QuotaResourceUnknown(unknown);
  return resources;
}

function plainResource(name: string): Resource | undefined {
  const kind = plain.find((word) => word === name);
  return kind && { name, kind };
}

function typedResource(name: string): Resource | undefined {
  const kind = perType.find((word) => name.startsWith(`${word}_`));
  return kind && { name, kind, type: name.slice(kind.length + 1) };
}

/** How much of a resource a project uses, counted from the tables themselves (database.md §7.3). */
export async function count(
  db: Kysely<Schema>,
  resource: Resource,
  projectId: string,
  { no_snapshot_gb_quota }: TableOptions,
): Promise<number> {
  const { kind } = resource;
  const typeId = await typeIdOf(db, resource);
  switch (kind) {
    case 'volumes':
      return (await volumes(db, projectId, typeId)).count;
    case 'snapshots':
      return (await snapshots(db, projectId, typeId)).count;
    case 'gigabytes': {
      const { size } = await volumes(db, projectId, typeId);
      return no_snapshot_gb_quota ? size : size + (await snapshots(db, projectId, typeId)).size;
    }
    case 'backups':
      return (await backups(db, projectId)).count;
    case 'backup_gigabytes':
      return (await backups(db, projectId)).size;
    case 'groups':
      return groups(db, projectId);
    default:
      return kind satisfies never;
  }
}

/** The type's id, also of a deleted one: its volumes may live on. Throws QuotaResourceUnknown. */
async function typeIdOf(db: Kysely<Schema>, { name, type }: Resource): Promise<string | undefined> {
  if (type === undefined) return undefined;
  const row = await db
    .selectFrom('volume_types')
    .select('id')
    .where('name', '=', type)
    .orderBy('deleted')
    .orderBy('deleted_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) throw new QuotaResourceUnknown([name]);
  return row.id;
}

interface Total {
  readonly count: number;
  readonly size: number;
}

/** Migration targets and temporary volumes do not count, also where older code left `use_quota` empty. */
async function volumes(db: Kysely<Schema>, projectId: string, typeId: string | undefined): Promise<Total> {
  const row = await db
    .selectFrom('volumes')
    .select(({ fn }) => [fn.countAll().as('count'), fn.sum('size').as('size')])
    .where('project_id', '=', projectId)
    .where('deleted', '=', false)
    .where((eb) => eb.or([eb('use_quota', 'is', null), eb('use_quota', '=', true)]))
    .where((eb) => eb.or([eb('migration_status', 'is', null), eb('migration_status', 'not like', 'target:%')]))
    .where(({ exists, not, selectFrom }) =>
      not(
        exists(
          selectFrom('volume_admin_metadata')
            .select('volume_admin_metadata.id')
            .whereRef('volume_admin_metadata.volume_id', '=', 'volumes.id')
            .where('volume_admin_metadata.deleted', '=', false)
            .where('volume_admin_metadata.key', '=', 'temporary')
            .where('volume_admin_metadata.value', '=', 'True'),
        ),
      ),
    )
    .$if(typeId !== undefined, (some) => some.where('volume_type_id', '=', typeId ?? ''))
    .executeTakeFirstOrThrow();
  return total(row);
}

/** A snapshot is of the type that its volume has now. */
async function snapshots(db: Kysely<Schema>, projectId: string, typeId: string | undefined): Promise<Total> {
  const row = await db
    .selectFrom('snapshots')
    .select(({ fn }) => [fn.countAll().as('count'), fn.sum('volume_size').as('size')])
    .where('project_id', '=', projectId)
    .where('deleted', '=', false)
    .where((eb) => eb.or([eb('use_quota', 'is', null), eb('use_quota', '=', true)]))
    .$if(typeId !== undefined, (some) =>
      some.where(({ exists, selectFrom }) =>
        exists(
          selectFrom('volumes')
            .select('volumes.id')
            .whereRef('volumes.id', '=', 'snapshots.volume_id')
            .where('volumes.volume_type_id', '=', typeId ?? ''),
        ),
      ),
    )
    .executeTakeFirstOrThrow();
  return total(row);
}

async function backups(db: Kysely<Schema>, projectId: string): Promise<Total> {
  const row = await db
    .selectFrom('backups')
    .select(({ fn }) => [fn.countAll().as('count'), fn.sum('size').as('size')])
    .where('project_id', '=', projectId)
    .where('deleted', '=', false)
    .executeTakeFirstOrThrow();
  return total(row);
}

async function groups(db: Kysely<Schema>, projectId: string): Promise<number> {
  const row = await db
    .selectFrom('groups')
    .select(({ fn }) => fn.countAll().as('count'))
    .where('project_id', '=', projectId)
    .where('deleted', '=', false)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

function total({ count: rows, size }: { count: unknown; size: unknown }): Total {
  return { count: Number(rows), size: Number(size ?? 0) };
}
