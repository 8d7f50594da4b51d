import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Tables } from '../interface/database.ts';
import type { QuotaDeltas } from '../interface/quota-table.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import type { Volume } from '../objects/volume.ts';

/** What the end of a volume gives back: its number and size, globally and for its type (database.md §7.1). */
export async function volumeDeltas(tx: Tables, volume: Volume): Promise<QuotaDeltas> {
  return typedDeltas(tx, { volumes: -1, gigabytes: -volume.size }, volume.volume_type_id);
}

/** What the end of a snapshot gives back; the type is that of the volume. */
export async function snapshotDeltas(
  tx: Tables,
  snapshot: Snapshot,
  volume: Volume,
  noSnapshotGigabytes: boolean,
): Promise<QuotaDeltas> {
  const gigabytes = noSnapshotGigabytes ? {} : { gigabytes: -snapshot.volume_size };
  return typedDeltas(tx, { snapshots: -1, ...gigabytes }, volume.volume_type_id);
}

/**
 * Reserves and commits in one go, in the transaction that ends the resource. What fails is logged and fails nothing: a
 * count that is off is better than a volume that cannot be deleted (database.md §7.5).
 */
export async function releaseQuota(
  tx: Tables,
  log: Logger,
  deltas: QuotaDeltas,
  projectId: string | null,
): Promise<void> {
  if (projectId === null) return;
  try {
    await tx.quotas.commit(await tx.quotas.reserve(deltas, projectId), projectId);
  } catch (error) {
    log.log('ERROR', { error }, 'Failed to update usages: %s', messageOf(error));
  }
}

/** The deltas, and the same once more for the type (database.md §7.1). */
export async function typedDeltas(tx: Tables, deltas: QuotaDeltas, typeId: string | null): Promise<QuotaDeltas> {
  const type = typeId === null ? undefined : await tx.volumeTypes.get(typeId);
  if (!type?.name) return deltas;
  const ofType = Object.entries(deltas).map(([resource, delta]) => [`${resource}_${type.name}`, delta] as const);
  return { ...deltas, ...Object.fromEntries(ofType) };
}
