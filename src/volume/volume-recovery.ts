import { isAbort } from '../base/errors.ts';
import { utcNow } from '../base/time.ts';
import type { Tables } from '../interface/database.ts';
import type { RequestContext } from '../objects/context.ts';
import { requestSpecFromPrimitive } from '../objects/request-spec.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import { isMigrationTarget, type Volume } from '../objects/volume.ts';
import type { Work } from './claim.ts';
import { createVolume, forgetRecovery } from './create-volume.ts';
import { deleteVolume } from './delete-volume.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { tellUser, type UserMessage, userMessages } from './messages.ts';
import { failMigration, forgetMove, isMigrating } from './migration-recovery.ts';
import { pages } from './pages.ts';
import { bound, type Found, type Recovery, type RecoveryKind } from './recovery.ts';
import { removeReimageCopies } from './reimage.ts';
import { volumeKey } from './resources.ts';
import { endRevert, revertToSnapshot } from './revert-to-snapshot.ts';

/** All that the rows say of a volume, as far as a decision needs it. */
interface Facts {
  readonly volume: Volume;
  /** The volume that a migration target is to replace. */
  readonly source: Volume | undefined;
  /** The volume that a migration of it is filling. */
  readonly target: Volume | undefined;
  /** Its snapshot that is being restored. */
  readonly restoring: Snapshot | undefined;
  /** Its group is being deleted, or made from a source: the group's own row or message carries it. */
  readonly carried: boolean;
  /** cinder-backup is writing it. */
  readonly fromBackup: boolean;
  /** `cleanup_interrupted_creates` is `redo`. */
  readonly redo: boolean;
}

type Decision = (facts: Facts) => Recovery<Volume> | undefined;

/** A row of ours of this status, and nobody at work (manager.md §2.3). */
const interrupted: Readonly<Record<string, Decision>> = {
  creating: interruptedCreate,
  // A volume that was there before is being imaged anew; else it is an image's create, whose image only the message names.
  downloading: (facts) => (facts.volume.launched_at === null ? interruptedCreate(facts) : failReimage()),
  deleting: () => deleteAgain({ cascade: true, unmanage_only: false }),
  error_managing_deleting: () => deleteAgain({ cascade: true, unmanage_only: false }),
  extending: () => status('error_extending', userMessages.extendFailed),
  managing: () => status('error_managing'),
  unmanaging: () => status('error_unmanaging'),
  uploading: () => settled(userMessages.uploadLost),
  reverting: ({ restoring }) => failRevert(restoring),
  retyping: ({ volume }) => status(volume.previous_status ?? 'available'),
};

/** The row waits for a message that never came (manager.md §2.6 rule 6). */
const lost: Readonly<Record<string, Decision>> = {
  creating: lostCreate,
  deleting: () => deleteAgain({ cascade: true, unmanage_only: false }),
  error_managing_deleting: () => deleteAgain({ cascade: true, unmanage_only: false }),
  unmanaging: () => deleteAgain({ cascade: false, unmanage_only: true }),
  extending: lostExtend,
  uploading: () => settled(userMessages.uploadLost),
  downloading: () => status('error', userMessages.reimageLost),
  managing: () => status('error_managing', userMessages.scheduleFailed),
  retyping: () => forgetMove,
  reverting: ({ restoring }) => (restoring === undefined ? status('error') : revertAgain(restoring)),
};

export const volumeRecovery: RecoveryKind = {
  async find(tx, id): Promise<Found | undefined> {
    const volume = await tx.volumes.get(id);
    if (volume === undefined) return undefined;
    const facts = { volume, ...(await factsAbout(tx, volume)) };
    return {
      status: volume.status,
      host: volume.host,
      owner: volume,
      marks: [volume.migration_status, volume.updated_at],
      interrupted: (recorded, redo) => {
        if (isMigrating(volume)) return bound(volume, failMigration(facts.target));
        return recorded === volume.status ? bound(volume, interrupted[volume.status]?.({ ...facts, redo })) : undefined;
      },
      lost: () => {
        if (facts.carried) return undefined;
        // One that has begun has a row of ours, or waits for Nova.
        if (isMigrating(volume)) return volume.migration_status === 'starting' ? bound(volume, forgetMove) : undefined;
        return bound(volume, lost[volume.status]?.({ ...facts, redo: true }));
      },
    };
  },
  async *candidates({ db, host }) {
    const statuses = Object.keys(lost);
    for await (const { id } of pages((page) => db.volumes.ofService(host, page, statuses))) yield volumeKey(id);
    for (const { id, status: now } of await db.volumes.aboutToMigrate(host)) {
      if (!statuses.includes(now)) yield volumeKey(id);
    }
  },
};

async function factsAbout(tx: Tables, volume: Volume): Promise<Omit<Facts, 'volume' | 'redo'>> {
  const target = volume.migration_status?.startsWith('target:') ? volume.migration_status.slice(7) : undefined;
  const snapshots = volume.status === 'reverting' ? await tx.snapshots.ofVolume(volume.id) : [];
  const group = volume.group_id === null ? undefined : await tx.groups.get(volume.group_id);
  const copied = group?.status === 'creating' && (group.group_snapshot_id ?? group.source_group_id) !== null;
  return {
    target: isMigrating(volume) ? await tx.volumes.targetOf(volume.id) : undefined,
    carried: group?.status === 'deleting' || copied,
    source: target === undefined ? undefined : await tx.volumes.get(target),
    restoring: snapshots.find((snapshot) => snapshot.status === 'restoring'),
    fromBackup: volume.status === 'creating' && (await tx.volumes.restoredFromBackup(volume.id)),
  };
}

function interruptedCreate({ volume, source, carried, fromBackup, redo }: Facts): Recovery<Volume> | undefined {
  if (volume.host === null) return status('error', userMessages.scheduleFailed);
  if (fromBackup || carried) return undefined;
  if (volume.use_quota === false && volume.migration_status === null) return discard();
  if (isMigrationTarget(volume)) return source?.migration_status === 'migrating' ? createAgain(volume) : discard();
  const proven = hasSource(volume) || volume.admin_metadata?.['create_request'] === 'raw';
  const first = volume.admin_metadata?.['interrupted_at'] === undefined;
  if (redo && proven && first && volume.status === 'creating') return createAgain(volume);
  return status('error', userMessages.createInterrupted);
}

function lostCreate({ volume, source, fromBackup }: Facts): Recovery<Volume> | undefined {
  if (fromBackup) return undefined;
  if (isMigrationTarget(volume)) return source?.migration_status === 'migrating' ? createAgain(volume) : discard();
  if (volume.use_quota === false) return discard();
  if (hasSource(volume) || volume.admin_metadata?.['create_request'] === 'raw') return createAgain(volume);
  return status('error', userMessages.createInterrupted);
}

/** One with a size in its admin metadata has begun: Nova is growing it, for a predecessor of ours, and will say how it went. */
function lostExtend({ volume }: Facts): Recovery<Volume> | undefined {
  if (volume.admin_metadata?.['extend_new_size'] !== undefined) return undefined;
  if (volume.previous_status === null) return settled(userMessages.extendLost);
  return status(volume.previous_status, userMessages.extendLost);
}

/** A copy can be made again from its source, but not one that was re-encrypted: its key was in the message alone. */
function hasSource(volume: Volume): boolean {
  return (volume.snapshot_id !== null || volume.source_volid !== null) && volume.encryption_key_id === null;
}

/** What the driver has half made goes first; the request is what the row proves, and never goes back to a scheduler. */
function createAgain(volume: Volume): Recovery<Volume> {
  const spec = requestSpecFromPrimitive(null);
  const request_spec = { ...spec, snapshot_id: volume.snapshot_id, source_volid: volume.source_volid };
  const request = { request_spec, filter_properties: {}, allow_reschedule: false };
  return {
    what: 'made again',
    before: (tx) => tx.volumes.setAdminMetadata(volume.id, 'interrupted_at', utcNow()),
    async run(manager, context, work) {
      await removeRemains(manager, context, work, status('error', userMessages.createInterrupted));
      await createVolume(manager, context, work, request, () => {});
    },
  };
}

function deleteAgain(request: { readonly cascade: boolean; readonly unmanage_only: boolean }): Recovery<Volume> {
  return {
    what: request.unmanage_only ? 'unmanaged' : 'deleted',
    run: (manager, context, work) => deleteVolume(manager, context, work, request),
  };
}

/** Removes it from the backend, and its row with it: whoever wanted it is gone. */
function discard(): Recovery<Volume> {
  return {
    what: 'removed',
    async run(manager, context, work) {
      await removeRemains(manager, context, work, status('error_deleting'));
      await work.finish((tx) => tx.volumes.destroy(work.resource.id));
    },
  };
}

/** Takes away what a driver has half made. One that cannot has failed the operation, which ends as `otherwise` says. */
async function removeRemains(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<Volume>,
  otherwise: Recovery<Volume>,
): Promise<void> {
  try {
    await requireDriver(manager).deleteVolume(work.resource, work.signal);
  } catch (error) {
    if (work.signal.aborted && isAbort(error)) throw error;
    await otherwise.run(manager, context, work);
    throw error;
  }
}

function status(to: string, message?: UserMessage): Recovery<Volume> {
  return {
    what: `status ${to}`,
    async run(manager, context, { resource: volume, finish }) {
      await finish(async (tx) => {
        await tx.volumes.update(volume.id, { status: to }, [volume.status]);
        if (message) await tellUser(tx, manager.log, context, message, 'VOLUME', volume);
        await forgetRecovery(tx, volume);
      });
      if (volume.status === 'creating') manager.capabilities.allocate(volume.host, volume.size, manager.settings);
    },
  };
}

/** Back to `in-use` or `available`, as its attachments say. */
function settled(message: UserMessage): Recovery<Volume> {
  return {
    what: 'status by attachments',
    async run(manager, context, { resource: volume, finish }) {
      await finish(async (tx) => {
        await tx.volumes.settleStatus(volume.id);
        await tellUser(tx, manager.log, context, message, 'VOLUME', volume);
      });
    },
  };
}

function failReimage(): Recovery<Volume> {
  const failed = status('error', userMessages.reimageLost);
  return {
    ...failed,
    async run(manager, context, work) {
      await removeReimageCopies(manager, work.resource, work.signal);
      await failed.run(manager, context, work);
    },
  };
}

function failRevert(snapshot: Snapshot | undefined): Recovery<Volume> {
  return { what: 'status error', run: (manager, _, work) => endRevert(manager, work, snapshot) };
}

function revertAgain(snapshot: Snapshot): Recovery<Volume> {
  return {
    what: 'reverted',
    run: (manager, context, work) => revertToSnapshot(manager, context, work, snapshot.id, () => {}),
  };
}
