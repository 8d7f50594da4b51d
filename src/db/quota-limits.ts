import type { Kysely } from 'kysely';
import type { TableOptions } from './options.ts';
import type { Schema } from './schema.ts';

/**
 * The limit of each resource (database.md §7.2): the project's own, else that of the quota class, else of the class
 * `default`, else the configured one. -1 is none.
 */
export async function limitsOf(
  db: Kysely<Schema>,
  resources: readonly string[],
  projectId: string,
  quotaClass: string | null,
  options: TableOptions,
): Promise<Readonly<Record<string, number>>> {
  if (resources.length === 0) return {};
  const own = await db
    .selectFrom('quotas')
    .select(['resource', 'hard_limit'])
    .where('project_id', '=', projectId)
    .where('resource', 'in', resources)
    .where('deleted', '=', false)
    .execute();
  const classes = [
    ...(quotaClass === null ? [] : [quotaClass]),
    ...(options.use_default_quota_class ? ['default'] : []),
  ];
  const ofClasses =
    classes.length === 0
      ? []
      : await db
          .selectFrom('quota_classes')
          .select(['class_name', 'resource', 'hard_limit'])
          .where('class_name', 'in', classes)
          .where('resource', 'in', resources)
          .where('deleted', '=', false)
          .execute();
  const limitOf = (name: string): number => {
    const candidates = [
      own.find(({ resource }) => resource === name),
      ...classes.map((known) =>
        ofClasses.find(({ class_name, resource }) => class_name === known && resource === name),
      ),
    ];
    return (
      candidates.map((row) => row?.hard_limit ?? null).find((limit) => limit !== null) ?? configured(name, options)
    );
  };
  return Object.fromEntries(resources.map((name) => [name, limitOf(name)]));
}

/** Resources of a type have no option: without a limit in the tables they have none. */
function configured(resource: string, options: TableOptions): number {
  const limits: Readonly<Record<string, number>> = {
    volumes: options.quota_volumes,
    snapshots: options.quota_snapshots,
    gigabytes: options.quota_gigabytes,
    backups: options.quota_backups,
    backup_gigabytes: options.quota_backup_gigabytes,
    groups: options.quota_groups,
    per_volume_gigabytes: options.per_volume_size_limit,
  };
  return Object.hasOwn(limits, resource) ? (limits[resource] ?? -1) : -1;
}
