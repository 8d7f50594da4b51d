import { type Expression, type Kysely, type SelectQueryBuilder, type SqlBool, sql } from 'kysely';
import { traitsOf } from './dialect.ts';
import type { Schema } from './schema.ts';

/**
 * The rows that `query` finds stay as they are until the transaction ends (`SELECT … FOR UPDATE`). On SQLite every
 * transaction that writes has the file for itself anyway.
 */
export function locked<D, T extends keyof D, O>(
  db: Kysely<Schema>,
  query: SelectQueryBuilder<D, T, O>,
): SelectQueryBuilder<D, T, O> {
  return traitsOf(db).locksRows ? query.forUpdate() : query;
}

/**
 * `column = value`, letter by letter. MariaDB's collation would take the host `nfs-A` for `nfs-a`; the plain comparison
 * stands beside the exact one, for it can use an index.
 */
export function exactly(
  db: Kysely<Schema>,
  column: Expression<string | null>,
  value: Expression<string | null> | string,
): Expression<SqlBool> {
  const plain = sql<SqlBool>`${column} = ${value}`;
  return traitsOf(db).ignoresCase ? sql<SqlBool>`(${plain} and cast(${column} as binary) = ${value})` : plain;
}
