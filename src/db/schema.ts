import { groupTables } from './schema-groups.ts';
import { quotaTables } from './schema-quotas.ts';
import { serviceTables } from './schema-services.ts';
import { typeTables } from './schema-types.ts';
import { volumeTables } from './schema-volumes.ts';
import { key, type RowOf, table, text } from './table.ts';

/** The revision of Cinder's migrations that these tables are: Zed's last. */
export const revision = 'c92a3e68beed';

/** Every table of that revision (database.md), as Cinder's own migrations leave it in SQLite. */
export const schema = {
  alembic_version: table({ version_num: key(text(32)) }),
  ...serviceTables,
  ...typeTables,
  ...groupTables,
  ...volumeTables,
  ...quotaTables,
};

export type TableName = keyof typeof schema;

/** The rows of all tables, for kysely. */
export type Schema = { [N in TableName]: RowOf<(typeof schema)[N]['columns']> };
