import { messageOf } from '../base/errors.ts';
import { Backoff } from '../base/retry.ts';
import type { Configuration } from '../config/load.ts';
import { openDatabase } from '../db/database.ts';
import { databaseGroup, tableGroup } from '../db/options.ts';
import type { Database } from '../interface/database.ts';
import type { OpenLog } from '../log/oslo-log.ts';
import { isEmbedded } from './settings.ts';

/** The database, for as long as that takes: each failure is told, and the start goes on when it answers (L-131). */
export async function openDatabaseAtLast(
  configuration: Configuration,
  log: OpenLog,
  waiting: (reason: string) => void,
  signal: AbortSignal,
): Promise<Database> {
  const values = { ...configuration.values(databaseGroup), ...configuration.values(tableGroup) };
  const logger = log.logs('oslo_db.sqlalchemy.engines');
  const create = isEmbedded(configuration);
  return untilItWorks(
    () => openDatabase(values.connection, { ...values, max_retries: 0 }, { logger, signal, create }),
    {
      failed: (error) => {
        waiting(messageOf(error));
        logger.log('WARNING', { error, outage: 'database' }, 'SQL connection failed. %s attempts left.', 'infinite');
      },
      signal,
    },
  );
}

/** Tries something until it works or `signal` aborts, at first after half a second, then ever more slowly up to 10 s. */
export async function untilItWorks<T>(
  attempt: () => Promise<T>,
  { failed, signal }: { failed: (error: unknown) => void; signal: AbortSignal },
): Promise<T> {
  const backoff = new Backoff({ first: 500, most: 10_000, spread: 200 });
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (signal.aborted) throw error;
      failed(error);
      await backoff.wait(signal);
    }
  }
}
