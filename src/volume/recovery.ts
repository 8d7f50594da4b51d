import type { RequestContext } from '../objects/context.ts';
import { requestSpecFromPrimitive } from '../objects/request-spec.ts';
import type { Snapshot, SnapshotStatus } from '../objects/snapshot.ts';
import { attachmentsOf, isMigrationTarget, type Volume } from '../objects/volume.ts';
import type { Work } from './claim.ts';
import { createSnapshot } from './create-snapshot.ts';
import { createVolume, forgetRecovery } from './create-volume.ts';
import { deleteSnapshot } from './delete-snapshot.ts';
import { deleteVolume } from './delete-volume.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { tellUser, type UserMessage, userMessages } from './messages.ts';
import type { SnapshotOfVolume } from './resources.ts';

/** What is done about a volume that nobody works on any more. `by attachments` is `in-use` or `available`. */
export type VolumeAction =
  | { readonly do: 'create' }
  | { readonly do: 'delete'; readonly cascade: boolean; readonly unmanage: boolean }
  /** Removes it from the backend, and its row with it: whoever wanted it is gone. */
  | { readonly do: 'discard' }
  | { readonly do: 'status'; readonly status: string; readonly message?: UserMessage };

export type SnapshotAction =
  | { readonly do: 'create' }
  | { readonly do: 'delete'; readonly unmanage: boolean }
  | { readonly do: 'discard' }
  | { readonly do: 'status'; readonly status: SnapshotStatus; readonly message?: UserMessage };

/** What a volume's row says about a create that was cut off (manager.md §2.3, first line that fits). */
export function interruptedVolume(volume: Volume, source: Volume | undefined, redo: boolean): VolumeAction | undefined {
  switch (volume.status) {
    case 'creating':
    case 'downloading':
      return interruptedCreate(volume, source, redo);
    case 'deleting':
    case 'error_managing_deleting':
      return { do: 'delete', cascade: true, unmanage: false };
    case 'extending':
      return { do: 'status', status: 'error_extending', message: userMessages.extendFailed };
    case 'unmanaging':
      return { do: 'status', status: 'error_unmanaging' };
    case 'uploading':
      return { do: 'status', status: 'by attachments', message: userMessages.uploadLost };
    default:
      return undefined;
  }
}

function interruptedCreate(volume: Volume, source: Volume | undefined, redo: boolean): VolumeAction {
  const failed: VolumeAction = { do: 'status', status: 'error', message: userMessages.createInterrupted };
  if (volume.host === null) return { ...failed, message: userMessages.scheduleFailed };
  if (volume.use_quota === false && volume.migration_status === null) return { do: 'discard' };
  if (isMigrationTarget(volume)) return source?.migration_status === 'migrating' ? { do: 'create' } : { do: 'discard' };
  const proven = hasSource(volume) || volume.admin_metadata?.['create_request'] === 'raw';
  const first = volume.admin_metadata?.['interrupted_at'] === undefined;
  return redo && proven && first && volume.status === 'creating' ? { do: 'create' } : failed;
}

/** A copy can be made again from its source, but not one that was re-encrypted: its key was in the message alone. */
function hasSource(volume: Volume): boolean {
  return (volume.snapshot_id !== null || volume.source_volid !== null) && volume.encryption_key_id === null;
}

/** The same for a snapshot; `recorded` is the status in its `workers` row. */
export function interruptedSnapshot(
  { snapshot, volume }: SnapshotOfVolume,
  recorded: string,
  redo: boolean,
): SnapshotAction | undefined {
  switch (snapshot.status) {
    case 'creating': {
      if (snapshot.use_quota === false) return { do: 'discard' };
      const first = volume.admin_metadata?.[`interrupted_at ${snapshot.id}`] === undefined;
      if (redo && first && recorded === 'creating') return { do: 'create' };
      return { do: 'status', status: 'error', message: userMessages.snapshotFailed };
    }
    case 'deleting':
      return { do: 'delete', unmanage: false };
    case 'unmanaging':
      return { do: 'status', status: 'error_deleting' };
    default:
      return undefined;
  }
}

/** What becomes of a volume whose message never came (manager.md §2.6 rule 6). */
export function lostVolume(volume: Volume, source: Volume | undefined): VolumeAction | undefined {
  switch (volume.status) {
    case 'creating':
      if (isMigrationTarget(volume))
        return source?.migration_status === 'migrating' ? { do: 'create' } : { do: 'discard' };
      if (volume.use_quota === false) return { do: 'discard' };
      if (hasSource(volume) || volume.admin_metadata?.['create_request'] === 'raw') return { do: 'create' };
      return { do: 'status', status: 'error', message: userMessages.createInterrupted };
    case 'deleting':
    case 'error_managing_deleting':
      return { do: 'delete', cascade: true, unmanage: false };
    case 'unmanaging':
      return { do: 'delete', cascade: false, unmanage: true };
    case 'extending':
      return { do: 'status', status: volume.previous_status ?? 'by attachments', message: userMessages.extendLost };
    case 'uploading':
      return { do: 'status', status: 'by attachments', message: userMessages.uploadLost };
    case 'downloading':
      return { do: 'status', status: 'error', message: userMessages.reimageLost };
    case 'managing':
      return { do: 'status', status: 'error_managing', message: userMessages.scheduleFailed };
    default:
      return undefined;
  }
}

/** The same for a snapshot; without a `workers` row a create may have been a manage_existing_snapshot. */
export function lostSnapshot({ snapshot, volume }: SnapshotOfVolume, hasRow: boolean): SnapshotAction | undefined {
  switch (snapshot.status) {
    case 'creating':
      if (snapshot.use_quota === false) return { do: 'discard' };
      return hasRow ? { do: 'create' } : { do: 'status', status: 'error', message: userMessages.snapshotFailed };
    case 'deleting':
      return { do: 'delete', unmanage: false };
    case 'unmanaging':
      return { do: 'delete', unmanage: true };
    case 'restoring':
      return volume.status === 'reverting' ? undefined : { do: 'status', status: 'available' };
    default:
      return undefined;
  }
}

/** Carries a volume to its end, as an ordinary operation that began just now. */
export async function recoverVolume(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<Volume>,
  action: VolumeAction,
): Promise<void> {
  const volume = work.resource;
  switch (action.do) {
    case 'create':
      await requireDriver(manager).deleteVolume(volume, work.signal);
      await createVolume(manager, context, work, createAgain(volume), () => {});
      return;
    case 'delete':
      await deleteVolume(manager, context, work, { cascade: action.cascade, unmanage_only: action.unmanage });
      return;
    case 'discard':
      await requireDriver(manager).deleteVolume(volume, work.signal);
      await work.finish((tx) => tx.volumes.destroy(volume.id));
      return;
    case 'status':
      await work.finish(async (tx) => {
        const byAttachments = attachmentsOf(volume).length > 0 ? 'in-use' : 'available';
        const status = action.status === 'by attachments' ? byAttachments : action.status;
        await tx.volumes.update(volume.id, { status }, [volume.status]);
        if (action.message) await tellUser(tx, manager.log, context, action.message, 'VOLUME', volume);
        await forgetRecovery(tx, volume);
      });
      if (volume.status === 'creating') manager.capabilities.allocate(volume.host, volume.size, manager.settings);
      return;
    default:
      action satisfies never;
  }
}

/** Carries a snapshot to its end. */
export async function recoverSnapshot(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<SnapshotOfVolume>,
  action: SnapshotAction,
): Promise<void> {
  const { snapshot, volume } = work.resource;
  switch (action.do) {
    case 'create':
      await requireDriver(manager).deleteSnapshot(snapshot, volume, work.signal);
      await createSnapshot(manager, context, work, () => {});
      return;
    case 'delete':
      await deleteSnapshot(manager, context, work, { unmanage_only: action.unmanage });
      return;
    case 'discard':
      await requireDriver(manager).deleteSnapshot(snapshot, volume, work.signal);
      await work.finish((tx) => tx.snapshots.destroy(snapshot.id));
      return;
    case 'status':
      await work.finish(async (tx) => {
        await tx.snapshots.update(snapshot.id, { status: action.status }, [snapshot.status]);
        if (action.message) await tellUser(tx, manager.log, context, action.message, 'VOLUME_SNAPSHOT', snapshot);
        await tx.volumes.removeAdminMetadata(volume.id, `interrupted_at ${snapshot.id}`);
      });
      return;
    default:
      action satisfies never;
  }
}

/** The request that the row itself proves; it is never handed back to a scheduler. */
function createAgain(volume: Volume) {
  const spec = requestSpecFromPrimitive(null);
  const request_spec = { ...spec, snapshot_id: volume.snapshot_id, source_volid: volume.source_volid };
  return { request_spec, filter_properties: {}, allow_reschedule: false };
}

/** On whose behalf a resource is carried on: its owner, with admin rights. */
export function ownerOf(resource: Volume | Snapshot): { user_id: string | null; project_id: string | null } {
  return { user_id: resource.user_id, project_id: resource.project_id };
}
