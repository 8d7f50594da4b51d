import type { Kysely } from 'kysely';
import { QuotaResourceUnknown } from '../objects/exceptions.ts';
import type { TableOptions } from './options.ts';
import type { Schema } from './schema.ts';

const perType = ['volumes', 'gigabytes', 'snapshots'] as const;
const plain = [...perType, 'backups', 'backup_gigabytes', 'groups'] as const;

/** Something that quota counts; with `typeId` only what is of that volume type (database.md §7.1). */
export interface Resource {
  readonly kind: (typeof plain)[number];
  readonly typeId?: string;
}

/** What the names mean. `gigabytes_gold` is of the type `gold`, also when that was deleted. Throws QuotaResourceUnknown. */
export async function resourcesOf(
  db: Kysely<Schema>,
  names: readonly string[],
): Promise<ReadonlyMap<string, Resource>> {
  const resources = new Map<string, Resource>();
  const unknown: string[] = [];
  for (const name of names) {
    const resource = plainResource(name) ?? (await typedResource(db, name));
    if (resource === undefined) unknown.push(name);
    else resources.set(name, resource);
  }
  if (unknown.length > 0) throw new QuotaResourceUnknown(unknown.sort());
  return resources;
}

function plainResource(name: string): Resource | undefined {
  const kind = plain.find((word) => word === name);
  return kind && { kind };
}

async function typedResource(db: Kysely<Schema>, name: string): Promise<Resource | undefined> {
  const kind = perType.find((word) => name.startsWith(`${word}_`));
  if (kind === undefined) return undefined;
  const type = await db
    .selectFrom('volume_types')
    .select('id')
    .where('name', '=', name.slice(kind.length + 1))
    .orderBy('deleted')
    .orderBy('deleted_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return type && { kind, typeId: type.id };
}

/** How much of a resource a project uses, counted from the tables themselves (database.md §7.3). */
export async function count(
  db: Kysely<Schema>,
  { kind, typeId }: Resource,
  projectId: string,
  { no_snapshot_gb_quota }: TableOptions,
): Promise<number> {
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
