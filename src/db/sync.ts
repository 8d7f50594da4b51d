import { DatabaseError } from '../interface/database.ts';
import type { Engine } from './access.ts';
import { type Opening, ping } from './database.ts';
import { isServer, openEngine } from './engine.ts';
import type { DatabaseOptions } from './options.ts';
import { prepareSchema, revisionOf } from './prepare.ts';
import { revision, schema } from './schema.ts';
import type { Columns, Table } from './table.ts';
import { type DatabaseUrl, parseDatabaseUrl } from './url.ts';

/** What `db check` and `db sync` print: field by field, in this order (ecosystem.md §3.3). */
interface DatabaseReport {
  readonly database: string;
  readonly server: string;
  /** Revision, and whether it is known and all its tables and columns are there. */
  readonly schema: string;
  /** `table.column`, or a table that is missing as a whole. */
  readonly missing_columns: readonly string[];
  readonly round_trip_ms: number;
}

/**
 * `db sync`: makes an SQLite file with all tables; one that has them stays as it is, for there is no older revision that we
 * know. Rejects with a DatabaseError for a server, whose tables are cinder-manage's.
 */
export async function syncDatabase(url: string, options: DatabaseOptions, opening: Opening): Promise<DatabaseReport> {
  const parsed = parseDatabaseUrl(url, options.connection_parameters);
  if (isServer(parsed)) {
    throw new DatabaseError(
      'refused',
      `the tables of ${parsed.masked} are cinder-manage's to make: run 'cinder-manage db sync'`,
    );
  }
  return withEngine(parsed, true, options, opening, async (engine) => {
    await prepareSchema(engine, parsed, options, { create: true, logger: opening.logger });
    return report(engine, parsed);
  });
}

/** `db check`: compares what is there with what this version knows, and changes nothing. */
export async function checkDatabase(url: string, options: DatabaseOptions, opening: Opening): Promise<DatabaseReport> {
  const parsed = parseDatabaseUrl(url, options.connection_parameters);
  return withEngine(parsed, false, options, opening, (engine) => report(engine, parsed));
}

async function withEngine<T>(
  url: DatabaseUrl,
  create: boolean,
  options: DatabaseOptions,
  { signal }: Opening,
  body: (engine: Engine) => Promise<T>,
): Promise<T> {
  const engine = await openEngine(url, { options, create, ...(signal === undefined ? {} : { signal }) });
  try {
    return await body(engine);
  } finally {
    await engine.close();
  }
}

async function report(engine: Engine, url: DatabaseUrl): Promise<DatabaseReport> {
  const found = await engine.read((db) => engine.tables(db));
  const names = [...found.keys()];
  const missing = missingColumns(found);
  const version = await revisionOf(engine, names);
  return {
    database: url.masked,
    server: await engine.read((db) => engine.serverVersion(db)),
    schema: describe(version, names, missing),
    missing_columns: missing,
    round_trip_ms: names.includes('services') ? Math.ceil(await ping(engine)) : 0,
  };
}

function describe(version: string | undefined, names: readonly string[], missing: readonly string[]): string {
  if (names.length === 0) return 'none';
  const known = version === revision ? 'known' : 'unknown';
  return `${version ?? 'no revision'} (${known}, ${missing.length === 0 ? 'complete' : 'incomplete'})`;
}

function missingColumns(found: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  return Object.entries<Table<Columns>>(schema).flatMap(([name, { columns }]) => {
    const present = found.get(name);
    if (present === undefined) return [name];
    return Object.keys(columns)
      .filter((column) => !present.has(column))
      .map((column) => `${name}.${column}`);
  });
}
