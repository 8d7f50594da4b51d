import { setTimeout as sleep } from 'node:timers/promises';
import { secondsBetween, utcNow } from '../base/time.ts';
import type { ServiceTable } from '../interface/service-table.ts';
import type { Service } from '../objects/service.ts';

/** Milliseconds between two looks at the row. */
const lookEvery = 200;

/**
 * Whether another process reports under this row. Only a row that is fresh can be: it is watched for `watch` seconds, in
 * which its count rises if anybody lives there (O-42). A database that does not answer meanwhile proves nothing.
 */
export async function isReportedElsewhere(
  db: { readonly services: Pick<ServiceTable, 'get'> },
  row: Service,
  { downTime, watch }: { readonly downTime: number; readonly watch: number },
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
