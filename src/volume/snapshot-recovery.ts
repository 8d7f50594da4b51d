import { isAbort } from '../base/errors.ts';
import { utcNow } from '../base/time.ts';
import type { VolumeDriver } from '../interface/volume-driver.ts';
import type { RequestContext } from '../objects/context.ts';
import type { SnapshotStatus } from '../objects/snapshot.ts';
import type { Volume } from '../objects/volume.ts';
import type { Work } from './claim.ts';
import { createSnapshot, createSnapshotBy } from './create-snapshot.ts';
import { deleteSnapshot } from './delete-snapshot.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { tellUser, type UserMessage, userMessages } from './messages.ts';
import { pages } from './pages.ts';
import { bound, type Found, type Recovery, type RecoveryKind } from './recovery.ts';
import { loadSnapshot, type SnapshotOfVolume, snapshotKey } from './resources.ts';

interface Facts {
  readonly found: SnapshotOfVolume;
  /** The status in the `workers` row; undefined without a row. */
  readonly recorded: string | undefined;
  readonly redo: boolean;
  /** A guest may write to its file already. */
  readonly isNovas: boolean;
}

type Decision = (facts: Facts) => Recovery<SnapshotOfVolume> | undefined;

/** A row of ours of this status, and nobody at work (manager.md §2.3). */
const interrupted: Readonly<Record<string, Decision>> = {
  creating: ({ found: { snapshot, volume }, recorded, redo, isNovas }) => {
    if (snapshot.use_quota === false) return discard();
    // Finishing repeats nothing: it is neither bound to once nor an operator's choice, and without it the chain is wrong.
    if (isNovas && recorded === 'creating') return finish();
    const first = volume.admin_metadata?.[`interrupted_at ${snapshot.id}`] === undefined;
    if (redo && first && recorded === 'creating') return createAgain({ snapshot, volume });
    return status('error', userMessages.snapshotFailed);
  },
  deleting: () => deleteAgain({ unmanage_only: false }),
  unmanaging: () => status('error_deleting'),
};

/** The row waits for a message that never came (manager.md §2.6 rule 6). */
const lost: Readonly<Record<string, (facts: Omit<Facts, 'isNovas'>) => ReturnType<Decision>>> = {
  // Without a `workers` row it may have been a manage_existing_snapshot.
  creating: ({ found, recorded }) => {
    if (found.snapshot.use_quota === false) return discard();
    return recorded === undefined ? status('error', userMessages.snapshotFailed) : createAgain(found);
  },
  deleting: () => deleteAgain({ unmanage_only: false }),
  unmanaging: () => deleteAgain({ unmanage_only: true }),
  restoring: ({ found }) => (found.volume.status === 'reverting' ? undefined : status('available')),
};

export const snapshotRecovery: RecoveryKind = {
  async find(tx, id): Promise<Found | undefined> {
    const found = await loadSnapshot(tx, id);
    if (found === undefined) return undefined;
    const { snapshot, volume } = found;
    // What the parent's own row carries: a group snapshot's, or a volume's that takes its snapshots with it.
    const carried = snapshot.group_snapshot_id !== null || volume.status === 'deleting';
    return {
      status: snapshot.status,
      host: volume.host,
      owner: snapshot,
      marks: [snapshot.updated_at],
      interrupted(recorded, redo, driver) {
        if (recorded !== snapshot.status && recorded !== 'managing') return undefined;
        const facts = { found, recorded, redo, isNovas: isNovas(driver, volume) };
        return bound(found, interrupted[snapshot.status]?.(facts));
      },
      lost: (hasRow) => {
        const recorded = hasRow ? snapshot.status : undefined;
        return carried ? undefined : bound(found, lost[snapshot.status]?.({ found, recorded, redo: true }));
      },
    };
  },
  async *candidates({ db, host }) {
    for await (const { id } of pages((page) => db.snapshots.ofService(host, page, Object.keys(lost)))) {
      yield snapshotKey(id);
    }
  },
};

function createAgain({ snapshot, volume }: Pick<SnapshotOfVolume, 'snapshot' | 'volume'>): Recovery<SnapshotOfVolume> {
  return {
    what: 'made again',
    before: (tx) => tx.volumes.setAdminMetadata(volume.id, `interrupted_at ${snapshot.id}`, utcNow()),
    async run(manager, context, work) {
      if (!isNovas(manager.driver, volume)) {
        await removeRemains(manager, context, work, status('error', userMessages.snapshotFailed));
      }
      await createSnapshot(manager, context, work, () => {});
    },
  };
}

/** Never deleted, never made again: what Nova has done is noted, or the snapshot is in `error` and its files stay. */
function finish(): Recovery<SnapshotOfVolume> {
  return {
    what: 'finished',
    async run(manager, context, work) {
      const { snapshot, volume } = work.resource;
      await createSnapshotBy(manager, context, work, async (driver) => {
        const update = await driver.finishSnapshot?.(snapshot, volume, work.signal);
        return update ?? {};
      });
    },
  };
}

function isNovas(driver: VolumeDriver, volume: Volume): boolean {
  return driver.finishSnapshot !== undefined && volume.attach_status === 'attached';
}

function deleteAgain(request: { readonly unmanage_only: boolean }): Recovery<SnapshotOfVolume> {
  return {
    what: request.unmanage_only ? 'unmanaged' : 'deleted',
    run: (manager, context, work) => deleteSnapshot(manager, context, work, request),
  };
}

function discard(): Recovery<SnapshotOfVolume> {
  return {
    what: 'removed',
    async run(manager, context, work) {
      await removeRemains(manager, context, work, status('error_deleting'));
      await work.finish((tx) => tx.snapshots.destroy(work.resource.snapshot.id));
    },
  };
}

/** Takes away what a driver has half made. One that cannot has failed the operation, which ends as `otherwise` says. */
async function removeRemains(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<SnapshotOfVolume>,
  otherwise: Recovery<SnapshotOfVolume>,
): Promise<void> {
  const { snapshot, volume } = work.resource;
  try {
    await requireDriver(manager).deleteSnapshot(snapshot, volume, work.signal);
  } catch (error) {
    if (work.signal.aborted && isAbort(error)) throw error;
    await otherwise.run(manager, context, work);
    throw error;
  }
}

function status(to: SnapshotStatus, message?: UserMessage): Recovery<SnapshotOfVolume> {
  return {
    what: `status ${to}`,
    async run(manager, context, { resource: { snapshot, volume }, finish }) {
      await finish(async (tx) => {
        await tx.snapshots.update(snapshot.id, { status: to }, [snapshot.status]);
        if (message) await tellUser(tx, manager.log, context, message, 'VOLUME_SNAPSHOT', snapshot);
        await tx.volumes.removeAdminMetadata(volume.id, `interrupted_at ${snapshot.id}`);
      });
    },
  };
}
