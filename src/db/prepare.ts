import type { Logger } from '../base/log.ts';
import { DatabaseError } from '../interface/database.ts';
import type { Engine } from './access.ts';
import type { TableOptions } from './options.ts';
import { revision, schema } from './schema.ts';
import { createSchema } from './seed.ts';
import type { DatabaseUrl } from './url.ts';

/**
 * Sees to it that the database has its tables: an empty one gets them all in one transaction if `create` says so, whoever
 * else opens it at the same time; one that has tables is left as it is. True when they were made now.
 */
export async function prepareSchema(
  engine: Engine,
  url: DatabaseUrl,
  options: TableOptions,
  { create, logger }: { readonly create: boolean; readonly logger: Logger },
): Promise<boolean> {
  const names = [...(await engine.read((db) => engine.tables(db))).keys()];
  if (names.length > 0) {
    await examine(engine, url, names, logger);
    return false;
  }
  const statements = engine.createStatements?.();
  if (!create || statements === undefined) {
    const command = statements === undefined ? 'cinder-manage' : 'volume-daemon';
    throw new DatabaseError('away', `database ${url.masked} has no tables; '${command} db sync' makes them`);
  }
  const made = await engine.write(async (db) => {
    if ((await engine.tables(db)).size > 0) return false;
    await createSchema(db, statements, options);
    return true;
  });
  if (made) logger.info('Made the tables of revision %s in %s', revision, url.masked);
  return made;
}

/** The revision of Cinder's migrations that a database is at; undefined where it does not say. */
export async function revisionOf(engine: Engine, names: readonly string[]): Promise<string | undefined> {
  if (!names.includes('alembic_version')) return undefined;
  const row = await engine.read((db) => db.selectFrom('alembic_version').select('version_num').executeTakeFirst());
  return row?.version_num;
}

async function examine(engine: Engine, url: DatabaseUrl, names: readonly string[], logger: Logger): Promise<void> {
  const missing = Object.keys(schema).filter((name) => name !== 'alembic_version' && !names.includes(name));
  if (missing.length > 0) {
    throw new DatabaseError(
      'refused',
      `database ${url.masked} has tables, but not Cinder's; there is no ${missing.join(', ')}; it is left as it is`,
    );
  }
  const found = await revisionOf(engine, names);
  if (found !== revision) {
    logger.warning('Database %s is at revision %s; this version knows %s', url.masked, found ?? 'none', revision);
  }
}
