import { type Expression, type Kysely, type SqlBool, sql } from 'kysely';
import type { ServiceHost } from '../objects/host.ts';
import { exactly } from './locks.ts';
import type { Schema } from './schema.ts';

/**
 * Resources of a service: their host is `host` itself or a pool of it (database.md §1.3). Upstream asks with LIKE, where an
 * underscore in `host` finds the neighbour `nfs-1` of `nfs_1`; this is exact, letter by letter, with no wildcard at all.
 */
export function ofService(
  db: Kysely<Schema>,
  column: Expression<string | null>,
  host: ServiceHost,
): Expression<SqlBool> {
  const pools = `${host}#`;
  const start = sql<string>`substr(${column}, 1, ${[...pools].length})`;
  return sql<SqlBool>`(${exactly(db, column, host)} or ${exactly(db, start, pools)})`;
}
