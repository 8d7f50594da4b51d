import type { DialectAdapter, Kysely, QueryCompiler } from 'kysely';
import type { Schema } from './schema.ts';

/** How a kind of database is spoken to: the part of a kysely dialect that knows no connection. */
export interface Dialect {
  readonly compiler: QueryCompiler;
  readonly adapter: DialectAdapter & Traits;
}

/** What tells the kinds of database apart where kysely's words do not. */
interface Traits {
  /** Rows can be locked for the rest of a transaction. SQLite has the whole file locked instead. */
  readonly locksRows?: boolean;
  /** `=` takes `nfs-A` for `nfs-a`, and ignores blanks at the end. */
  readonly ignoresCase?: boolean;
}

/** What is special about the database behind `db`. */
export function traitsOf(db: Kysely<Schema>): Traits {
  return db.getExecutor().adapter as Traits;
}
