import type { Logger } from '../base/log.ts';
import { Backoff } from '../base/retry.ts';
import { type Database, DatabaseError } from '../interface/database.ts';
import type { Access, Engine, LockPatience, Work } from './access.ts';
import { countedAccess } from './counted-access.ts';
import { openEngine } from './engine.ts';
import type { DatabaseOptions } from './options.ts';
import { prepareSchema } from './prepare.ts';
import { tablesOn } from './tables.ts';
import { parseDatabaseUrl } from './url.ts';

export interface Opening {
  readonly logger: Logger;
  readonly signal?: AbortSignal;
  /** Makes a missing SQLite file and fills an empty one: for the embedded set-up and `db sync` (database.md §1.5). */
  readonly create?: boolean;
  readonly lockPatience?: LockPatience;
}

/**
 * Opens the database of a URL and looks whether it holds Cinder's tables. One that does not answer is tried again as
 * `max_retries` and `retry_interval` say, each time with a warning that has the reason. Rejects with a DatabaseError when
 * the tries are used up or cannot help, with an AbortError when `signal` aborts. A database with tables is never altered.
 */
export async function openDatabase(url: string, options: DatabaseOptions, opening: Opening): Promise<Database> {
  const { logger, signal, lockPatience } = opening;
  const parsed = parseDatabaseUrl(url, options.connection_parameters);
  const inMemory = parsed.backend === 'sqlite' && ['', ':memory:'].includes(parsed.database);
  const create = inMemory || (opening.create ?? false);
  const engine = await patiently(options, opening, async () => {
    const opened = await openEngine(parsed, {
      options,
      create,
      ...(signal && { signal }),
      ...(lockPatience && { lockPatience }),
    });
    try {
      await prepareSchema(opened, parsed, options, { create, logger });
      return opened;
    } catch (error) {
      await opened.close();
      throw error;
    }
  });
  const access = countedAccess(engine);
  return {
    ...tablesOn(access, options),
    url: parsed.masked,
    load: access.load,
    transaction: (body) => access.write((db) => body(tablesOn(within(db), options))),
    ping: () => ping(engine),
    [Symbol.asyncDispose]: () => engine.close(),
  };
}

/** Milliseconds until the database has answered. */
export async function ping(access: Access): Promise<number> {
  const start = performance.now();
  await access.read((db) => db.selectFrom('services').select('id').limit(1).execute());
  return performance.now() - start;
}

/** Inside a transaction every statement is a part of it. */
function within(db: Parameters<Work<unknown>>[0]): Access {
  return { read: (work) => work(db), write: (work) => work(db), isTransaction: true };
}

async function patiently(
  { max_retries, retry_interval }: DatabaseOptions,
  { logger, signal }: Opening,
  open: () => Promise<Engine>,
): Promise<Engine> {
  const most = Math.max(0, retry_interval) * 1000;
  const pause = new Backoff({ first: Math.min(1000, most), most });
  for (let left = max_retries < 0 ? Number.POSITIVE_INFINITY : max_retries; ; left--) {
    signal?.throwIfAborted();
    try {
      return await open();
    } catch (error) {
      if (left <= 0 || !(error instanceof DatabaseError) || error.kind === 'refused') throw error;
      const remaining = Number.isFinite(left) ? left : 'infinite';
      logger.log('WARNING', { error }, 'SQL connection failed. %s attempts left.', remaining);
      await pause.wait(signal);
    }
  }
}
