import { setTimeout as sleep } from 'node:timers/promises';
import { secondsBetween, utcNow } from '../base/time.ts';
import type { ServiceTable } from '../interface/service-table.ts';
import type { Service } from '../objects/service.ts';

/** Milliseconds between two looks at the row. */
const lookEvery = 200;

/** In seconds: after which a row is stale, and for how long one that is not is watched. */
interface Times {
  readonly downTime: number;
  readonly watch: number;
}

type Rows = { readonly services: Pick<ServiceTable, 'get'> };

/** Rejects if another process reports under this row: it is not ours to use (O-42). */
export async function refuseDuplicate(db: Rows, row: Service, times: Times, signal: AbortSignal): Promise<void> {
  if (await isReportedElsewhere(db, row, times, signal)) {
    throw new Error(`Service ${row.host} is already reported by another process`);
  }
}

/**
 * Whether somebody else reports under a row. Only one that is fresh can be such: it is watched for `watch` seconds, in which
 * its count rises if anybody lives there. A database that does not answer meanwhile proves nothing.
 */
export async function isReportedElsewhere(
  db: Rows,
  row: Service,
  { downTime, watch }: Times,
  signal: AbortSignal,
): Promise<boolean> {
  if (row.updated_at === null || Math.abs(secondsBetween(row.updated_at, utcNow())) >= downTime) return false;
  const end = performance.now() + watch * 1000;
  while (performance.now() < end) {
    await sleep(lookEvery, undefined, { signal });
    const now = await db.services.get(row.id).catch(() => undefined);
    if (now !== undefined && now.report_count > row.report_count) return true;
  }
  return false;
}
