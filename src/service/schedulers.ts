import { secondsBetween, utcNow } from '../base/time.ts';
import type { Database } from '../interface/database.ts';
import type { Transport } from '../messaging/transport.ts';

/**
 * Whether no scheduler has a message left that it may still send on to us (manager.md §2.6): one is up and their queue is
 * empty, or there are none. `downTime` in seconds.
 */
export async function schedulersAreIdle(
  db: Database,
  transport: Pick<Transport, 'depth'>,
  downTime: number,
): Promise<boolean> {
  const all = (await db.services.list()).filter(({ binary }) => binary === 'cinder-scheduler');
  const isUp = ({ updated_at }: (typeof all)[number]): boolean =>
    updated_at !== null && Math.abs(secondsBetween(updated_at, utcNow())) < downTime;
  return all.length === 0 || (all.some(isUp) && !(await transport.depth('cinder-scheduler')));
}
