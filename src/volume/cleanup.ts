import { messageOf } from '../base/errors.ts';
import { inLanes } from '../base/lanes.ts';
import { withLogContext } from '../base/log.ts';
import { secondsBetween, utcNow } from '../base/time.ts';
import type { WorkerRow } from '../interface/worker-table.ts';
import type { CleanupRequest } from '../objects/cleanup-request.ts';
import { contextFor } from '../objects/context.ts';
import { serviceOf } from '../objects/host.ts';
import type { VolumeManager } from './manager.ts';
import { recoveryKinds } from './recovery-kinds.ts';

/** What a clean-up may take for abandoned. */
export interface CleanupScope {
  /** No predecessor can be alive: every row that nobody here works on is stale. */
  readonly alone?: boolean;
  /** The service has been at work for a while: rows may also be what it handed on, or could not finish. */
  readonly meanwhile?: boolean;
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
  await inLanes(4, stale, signal, (row) => cleanRow(manager, scope, row));
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
async function cleanRow(manager: VolumeManager, scope: CleanupScope, row: WorkerRow): Promise<void> {
  const { type, id } = row.key;
  try {
    const taken = await takeRow(manager, scope, row);
    if (taken === undefined) return;
    const { found, recovery } = taken;
    manager.cleanupLog.info('Cleaning %s with id %s and status %s', type, id, found.status);
    manager.note({ at: Date.now(), type, id, status: found.status, action: recovery.what });
    const context = contextFor(found.owner);
    const held = manager.claims.hold(taken.claim, found);
    await withLogContext(context, () =>
      manager.claims.run(held, manager.signal, (work) => recovery.run(manager, context, work)),
    );
  } catch (error) {
    if (manager.signal.aborted) return;
    manager.log.log('ERROR', { error, resource: id }, 'Error while cleaning %s %s: %s', type, id, messageOf(error));
  }
}

/**
 * Takes the row by compare-and-set; one that no longer says anything about its resource is deleted. Not one that an
 * operation here has claimed since the rows were read.
 */
async function takeRow(manager: VolumeManager, scope: CleanupScope, row: WorkerRow) {
  const { claims, driver, host, service, settings } = manager;
  const kind = recoveryKinds[row.key.type];
  if (kind === undefined) return undefined;
  const redo = settings.cleanup_interrupted_creates === 'redo';
  return manager.db.transaction(async (tx) => {
    if (claims.holds(row.key)) return undefined;
    const found = await kind.find(tx, row.key.id);
    // Handed back by ourselves: a scheduler has the message, and its claim comes next (manager.md §4.3).
    const isHandedBack = found?.host === null && scope.meanwhile === true;
    if (isHandedBack && isFresh(row, settings.service_down_time)) return undefined;
    const claim = await tx.workers.take(row, row.status, service.id);
    if (claim === undefined) return undefined;
    // On another backend our driver has nothing to say: its own service finds what has no row (manager.md §2.6).
    const isElsewhere = found?.host != null && serviceOf(found.host) !== host;
    const recovery = isElsewhere ? undefined : found?.interrupted(row.status, redo, driver);
    if (found === undefined || recovery === undefined) {
      await tx.workers.release(claim, service.id);
      return undefined;
    }
    await recovery.before?.(tx);
    return { claim, found, recovery };
  });
}
