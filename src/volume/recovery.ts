import type { Tables } from '../interface/database.ts';
import type { VolumeDriver } from '../interface/volume-driver.ts';
import type { ResourceKey } from '../interface/worker-table.ts';
import type { RequestContext } from '../objects/context.ts';
import type { Work } from './claim.ts';
import type { VolumeManager } from './manager.ts';

/** What is done about a resource that nobody works on any more. */
export interface Recovery<R = unknown> {
  /** One or two words for `/status` and the log. */
  readonly what: string;
  /** Written in the transaction that takes the row. */
  readonly before?: (tx: Tables) => Promise<void>;
  /** Carries the resource to its end, as an ordinary operation that began just now. */
  run(manager: VolumeManager, context: RequestContext, work: Work<R>): Promise<void>;
}

/** A resource as the tables showed it, and what they say about work on it that was cut off or never came. */
export interface Found {
  readonly status: string;
  readonly host: string | null;
  /** On whose behalf it is carried on, with admin rights. */
  readonly owner: { readonly user_id: string | null; readonly project_id: string | null };
  /** What moves, besides the status, when somebody works on it. */
  readonly marks: readonly unknown[];
  /** A `workers` row of ours stands, and nobody is at work (manager.md §2.3). Undefined: the row says nothing any more. */
  interrupted(recorded: string, redo: boolean, driver: VolumeDriver): Recovery | undefined;
  /** The row waits for a message that never came (manager.md §2.6). Undefined: it does not, or another row carries it. */
  lost(hasRow: boolean): Recovery | undefined;
}

/** One type of resource that `workers` rows are about. */
export interface RecoveryKind {
  find(tx: Tables, id: string): Promise<Found | undefined>;
  /** Resources of the backend in a status of which `lost` might have something to say. */
  candidates(manager: Pick<VolumeManager, 'db' | 'host'>): AsyncIterable<ResourceKey>;
}

/** Binds a recovery to its resource: who runs it need not know what that is. */
export function bound<R>(resource: R, recovery: Recovery<R> | undefined): Recovery | undefined {
  return (
    recovery && {
      ...recovery,
      run: (manager, context, work) => recovery.run(manager, context, { ...work, resource }),
    }
  );
}
