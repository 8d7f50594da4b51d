import { messageOf } from '../base/errors.ts';
import { withLogContext } from '../base/log.ts';
import { secondsBetween, utcNow } from '../base/time.ts';
import type { Tables } from '../interface/database.ts';
import type { WorkerRow } from '../interface/worker-table.ts';
import type { CleanupRequest } from '../objects/cleanup-request.ts';
import { contextFor } from '../objects/context.ts';
import type { Volume } from '../objects/volume.ts';
import type { VolumeManager } from './manager.ts';
import {
  interruptedSnapshot,
  interruptedVolume,
  ownerOf,
  recoverSnapshot,
  recoverVolume,
  type SnapshotAction,
  type VolumeAction,
} from './recovery.ts';
import { loadSnapshot, type SnapshotOfVolume } from './resources.ts';

/** What a clean-up may take for abandoned. */
export interface CleanupScope {
  /** No predecessor can be alive: every row that nobody here works on is stale. */
  readonly alone?: boolean;
  /** Rows that were adopted for this clean-up: stale whatever their age, and the only ones looked at. */
  readonly adopted?: ReadonlySet<number>;
}

/**
 * Finishes or fails what an earlier process of this service left half done (manager.md §2.3), up to four at a time. True
 * when rows were left alone because they are fresh: somebody may still be at work on them, look again. When `signal`
 * aborts no more rows are begun; those under way come to their end.
 */
export async function cleanUp(manager: VolumeManager, scope: CleanupScope, signal: AbortSignal): Promise<boolean> {
  const rows = await manager.db.workers.ofService(manager.service.id);
  const { adopted } = scope;
  const wanted = rows.filter((row) => !manager.claims.holds(row.key) && adopted?.has(row.id) !== false);
  const certain = scope.alone === true || adopted !== undefined;
  const stale = wanted.filter((row) => certain || !isFresh(row, manager.settings.service_down_time));
  const queue = [...stale];
  const lane = async (): Promise<void> => {
    for (let row = queue.shift(); row !== undefined && !signal.aborted; row = queue.shift()) {
      await cleanRow(manager, row);
    }
  };
  await Promise.all([lane(), lane(), lane(), lane()]);
  return stale.length < wanted.length;
}

/**
 * The record of a do_cleanup: every row that the request means becomes ours, one by one, so that a crash leaves each with
 * its owner of before or with us (database.md §5.6). Resolves to the ids of the rows.
 */
export async function adoptRows(manager: VolumeManager, request: CleanupRequest): Promise<ReadonlySet<number>> {
  const { db, claims, service } = manager;
  const adopted = new Set<number>();
  for (const row of await db.workers.ofService(request.service_id ?? service.id)) {
    if (!isMeant(row, request) || claims.holds(row.key)) continue;
    if (await db.workers.take(row, row.status, service.id)) adopted.add(row.id);
  }
  return adopted;
}

function isMeant(row: WorkerRow, { resource_type, resource_id, until }: CleanupRequest): boolean {
  if (resource_type && row.key.type !== resource_type) return false;
  if (resource_id && row.key.id !== resource_id) return false;
  return !until || row.updated_at <= until;
}

function isFresh(row: WorkerRow, downTime: number): boolean {
  return Math.abs(secondsBetween(row.updated_at, utcNow())) < downTime;
}

/** One row. What fails is logged, and the row stays for the next look. */
async function cleanRow(manager: VolumeManager, row: WorkerRow): Promise<void> {
  try {
    if (row.key.type === 'Volume') await cleanVolume(manager, row);
    else if (row.key.type === 'Snapshot') await cleanSnapshot(manager, row);
  } catch (error) {
    if (manager.signal.aborted) return;
    const { type, id } = row.key;
    manager.log.log('ERROR', { error, resource: id }, 'Error while cleaning %s %s: %s', type, id, messageOf(error));
  }
}

async function cleanVolume(manager: VolumeManager, row: WorkerRow): Promise<void> {
  const redo = manager.settings.cleanup_interrupted_creates === 'redo';
  const taken = await takeRow(manager, row, async (tx) => {
    const volume = await tx.volumes.get(row.key.id);
    if (volume === undefined || volume.status !== row.status) return undefined;
    const action = interruptedVolume(volume, await migrationSource(tx, volume), redo);
    if (action?.do === 'create') await tx.volumes.setAdminMetadata(volume.id, 'interrupted_at', utcNow());
    return action === undefined ? undefined : { resource: volume, action };
  });
  if (taken === undefined) return;
  const { resource: volume, action } = taken;
  tell(manager, row, volume.status, describe(action));
  const context = contextFor(ownerOf(volume));
  const held = manager.claims.hold(taken.claim, volume);
  await withLogContext(context, () =>
    manager.claims.run(held, manager.signal, (work) => recoverVolume(manager, context, work, action)),
  );
}

async function cleanSnapshot(manager: VolumeManager, row: WorkerRow): Promise<void> {
  const redo = manager.settings.cleanup_interrupted_creates === 'redo';
  const taken = await takeRow(manager, row, async (tx) => {
    const found = await loadSnapshot(tx, row.key.id);
    if (found === undefined || !(found.status === row.status || row.status === 'managing')) return undefined;
    const action = interruptedSnapshot(found, row.status, redo);
    if (action?.do === 'create') {
      await tx.volumes.setAdminMetadata(found.volume.id, `interrupted_at ${found.snapshot.id}`, utcNow());
    }
    return action === undefined ? undefined : { resource: found, action };
  });
  if (taken === undefined) return;
  const { resource, action } = taken;
  tell(manager, row, resource.snapshot.status, describe(action));
  const context = contextFor(ownerOf(resource.snapshot));
  const held = manager.claims.hold<SnapshotOfVolume>(taken.claim, resource);
  await withLogContext(context, () =>
    manager.claims.run(held, manager.signal, (work) => recoverSnapshot(manager, context, work, action)),
  );
}

/** Takes the row by compare-and-set; one that no longer says anything about its resource is deleted. */
async function takeRow<T>(manager: VolumeManager, row: WorkerRow, decide: (tx: Tables) => Promise<T | undefined>) {
  const serviceId = manager.service.id;
  return manager.db.transaction(async (tx) => {
    const claim = await tx.workers.take(row, row.status, serviceId);
    if (claim === undefined) return undefined;
    const decision = await decide(tx);
    if (decision === undefined) await tx.workers.release(claim, serviceId);
    return decision === undefined ? undefined : { claim, ...decision };
  });
}

/** The volume that a migration target is to replace; only then is it looked up. */
export async function migrationSource(tx: Tables, volume: Volume): Promise<Volume | undefined> {
  const id = volume.migration_status?.startsWith('target:')
    ? volume.migration_status.slice('target:'.length)
    : undefined;
  return id === undefined ? undefined : tx.volumes.get(id);
}

function tell(manager: VolumeManager, row: WorkerRow, status: string, action: string): void {
  const { type, id } = row.key;
  manager.cleanupLog.info('Cleaning %s with id %s and status %s', type, id, status);
  manager.note({ at: Date.now(), type, id, status, action });
}

/** One line for `/status` and the log. */
export function describe(action: VolumeAction | SnapshotAction): string {
  switch (action.do) {
    case 'create':
      return 'made again';
    case 'delete':
      return action.unmanage ? 'unmanaged' : 'deleted';
    case 'discard':
      return 'removed';
    case 'status':
      return `status ${action.status}`;
    default:
      return action satisfies never;
  }
}
