import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { Backoff } from '../base/retry.ts';
import { type Database, DatabaseError, type Tables } from '../interface/database.ts';

/**
 * Writes what an operation has come to, for as long as it takes: what the driver did cannot be taken back, so a database
 * that is away or full only delays the end. Rejects with what `body` throws, with a DatabaseError that repeats itself, or
 * when `signal` aborts; the claim then stays for the clean-up (rpc.md ).
 */
export async function persist<T>(
  { db, log }: { readonly db: Database; readonly log: Logger },
  body: (tx: Tables) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const backoff = new Backoff({ first: 100, most: 5_000, spread: 100 });
  let told = false;
  for (;;) {
    try {
      return await db.transaction(body);
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.kind === 'refused') throw error;
      if (!told) log.warning('The end of an operation waits for the database: %s', messageOf(error));
      told = true;
      await backoff.wait(signal);
    }
  }
}
