import { type Expression, type SqlBool, sql } from 'kysely';
import type { ServiceHost } from '../objects/host.ts';

/**
 * Resources of a service: their host is `host` itself or a pool of it (database.md §1.3). Upstream asks with LIKE, where an
 * underscore in `host` finds the neighbour `nfs-1` of `nfs_1`; this is exact, letter by letter, with no wildcard at all.
 */
export function ofService(column: Expression<string | null>, host: ServiceHost): Expression<SqlBool> {
  const pools = `${host}#`;
  return sql<SqlBool>`(${column} = ${host} or substr(${column}, 1, ${[...pools].length}) = ${pools})`;
}
