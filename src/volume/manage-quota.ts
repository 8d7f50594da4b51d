import type { RequestContext } from '../objects/context.ts';
import { OverQuota, VolumeSizeExceedsAvailableQuota, VolumeSizeExceedsLimit } from '../objects/exceptions.ts';
import type { VolumeManager } from './manager.ts';
import { typedDeltas } from './quota.ts';

/** Reservations that are ours to settle, and whose they are. */
export interface Reserved {
  readonly reservations: readonly string[];
  readonly projectId: string;
}

/**
 * Reserves GiB that something which is taken in turns out to have, in the project of the request (manager.md §10.1). Throws
 * VolumeSizeExceedsLimit and VolumeSizeExceedsAvailableQuota.
 */
export async function reserveGigabytes(
  { db, log }: Pick<VolumeManager, 'db' | 'log'>,
  context: RequestContext,
  { size, delta, typeId }: { readonly size: number; readonly delta: number; readonly typeId: string | null },
): Promise<Reserved> {
  const projectId = context.project_id ?? '';
  const quotaClass = classOf(context);
  const limit = await db.quotas.limit('per_volume_gigabytes', projectId, quotaClass);
  if (limit >= 0 && size > limit) throw new VolumeSizeExceedsLimit({ size, limit });
  try {
    const deltas = await typedDeltas(db, { gigabytes: delta }, typeId);
    return { reservations: await db.quotas.reserve(deltas, projectId, quotaClass), projectId };
  } catch (error) {
    if (!(error instanceof OverQuota)) throw error;
    const [name = 'gigabytes'] = error.overs;
    const usage = error.usages[name];
    const consumed = (usage?.in_use ?? 0) + (usage?.reserved ?? 0);
    const quota = error.quotas[name] ?? -1;
    log.warning('Quota exceeded for %s, tried to take %sG; %sG of %sG are consumed', projectId, delta, consumed, quota);
    throw new VolumeSizeExceedsAvailableQuota({ name, requested: delta, consumed, quota }, { cause: error });
  }
}

function classOf({ wire }: RequestContext): string | null {
  const value = wire['quota_class'];
  return typeof value === 'string' ? value : null;
}
