import type { RpcOperation } from '../interface/rpc.ts';
import type { Progress } from '../interface/volume-driver.ts';
import type { BackupInMessage } from '../objects/backup.ts';
import type { Group } from '../objects/group.ts';
import type { SnapshotInMessage } from '../objects/snapshot.ts';
import { isMigrationTarget, type Volume, type VolumeInMessage } from '../objects/volume.ts';
import type { Claimable, ClaimRequest, Work } from './claim.ts';
import type { VolumeManager } from './manager.ts';
import {
  groupKey,
  groupSnapshotKey,
  loadGroupSnapshot,
  loadSnapshot,
  type SnapshotOfGroup,
  type SnapshotOfVolume,
  snapshotKey,
  volumeKey,
} from './resources.ts';

/** An operation with a `workers` row: the claim is its record, and settles the message (rpc.md §2.3). */
export async function work<R extends Claimable>(
  manager: VolumeManager,
  request: ClaimRequest<R>,
  operation: (work: Work<R>, progress: Progress) => Promise<unknown>,
): Promise<RpcOperation | undefined> {
  const held = await manager.claims.take(request);
  if (held === undefined) return undefined;
  let at: readonly [number, number] | undefined;
  return {
    run: (signal: AbortSignal) =>
      manager.claims.run(held, signal, (claimed) => operation(claimed, (done, total) => (at = [done, total]))),
    progress: () => at && `${Math.floor(at[0] / 2 ** 20)} of ${Math.floor(at[1] / 2 ** 20)} MiB`,
  };
}

/**
 * Gives the reservations of a request back that is dropped; those of an earlier run are settled already, and passed over
 * . A copy of a request that is under way is not dropped so: its reservations are in use.
 */
export function givingBack(reservations: readonly string[]): Pick<ClaimRequest<Volume>, 'dropped'> {
  return {
    dropped: async (tx, volume) => {
      if (volume.project_id && reservations.length > 0) await tx.quotas.rollback(reservations, volume.project_id);
    },
  };
}

export function volumeClaim(
  method: string,
  { id }: VolumeInMessage,
  statuses: readonly string[],
): ClaimRequest<Volume> {
  return {
    method,
    key: volumeKey(id),
    load: (tx) => tx.volumes.get(id),
    expected: (volume) => statuses.includes(volume.status),
  };
}

/** A blank create leaves word that it is one, so that a crash can be repaired from the rows (manager.md §2.3). */
export function createClaim(
  message: VolumeInMessage,
  spec: { readonly image_id?: string | null; readonly backup_id?: string | null },
): ClaimRequest<Volume> {
  return {
    ...volumeClaim('create_volume', message, ['creating', 'downloading']),
    also: async (tx, volume) => {
      const source = volume.snapshot_id ?? volume.source_volid ?? spec.image_id ?? spec.backup_id;
      if (source || isMigrationTarget(volume) || volume.admin_metadata?.['create_request'] === 'raw') return;
      await tx.volumes.setAdminMetadata(volume.id, 'create_request', 'raw');
    },
  };
}

const deleteStatuses = ['deleting', 'unmanaging', 'error_managing_deleting'];

/** Temporary volumes and migration targets are deleted in any state; `cinder-manage volume delete` sets none. */
export function deleteClaim(message: VolumeInMessage): ClaimRequest<Volume> {
  return {
    ...volumeClaim('delete_volume', message, deleteStatuses),
    expected: (volume) =>
      deleteStatuses.includes(volume.status) ||
      volume.use_quota === false ||
      volume.migration_status !== null ||
      (message.status != null && !deleteStatuses.includes(message.status) && message.status === volume.status),
  };
}

export function snapshotClaim(
  method: string,
  { id }: SnapshotInMessage,
  statuses: readonly string[],
): ClaimRequest<SnapshotOfVolume> {
  return {
    method,
    key: snapshotKey(id),
    load: (tx) => loadSnapshot(tx, id),
    expected: ({ snapshot }) =>
      statuses.includes(snapshot.status) || (method === 'delete_snapshot' && snapshot.use_quota === false),
  };
}

/** A backup works on a volume or on a snapshot of it, which the API has put to `backing-up`. */
export function backupClaim({ volume_id, snapshot_id }: BackupInMessage): ClaimRequest<Claimable> {
  return {
    method: 'get_backup_device',
    key: snapshot_id ? snapshotKey(snapshot_id) : volumeKey(volume_id),
    load: (tx) => (snapshot_id ? loadSnapshot(tx, snapshot_id) : tx.volumes.get(volume_id)),
    expected: ({ status }) => status === 'backing-up',
  };
}

export function groupClaim(method: string, { id }: { readonly id: string }, status: string): ClaimRequest<Group> {
  return { method, key: groupKey(id), load: (tx) => tx.groups.get(id), expected: (group) => group.status === status };
}

export function groupSnapshotClaim(
  method: string,
  { id }: { readonly id: string },
  status: string,
): ClaimRequest<SnapshotOfGroup> {
  return {
    method,
    key: groupSnapshotKey(id),
    load: (tx) => loadGroupSnapshot(tx, id),
    expected: ({ groupSnapshot }) => groupSnapshot.status === status,
  };
}
