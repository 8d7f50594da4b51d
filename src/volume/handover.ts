import { messageOf } from '../base/errors.ts';
import { withLogContext } from '../base/log.ts';
import type { Tables } from '../interface/database.ts';
import type { ResourceKey, WorkerRow } from '../interface/worker-table.ts';
import { contextFor } from '../objects/context.ts';
import { serviceOf } from '../objects/host.ts';
import type { Volume } from '../objects/volume.ts';
import type { Held } from './claim.ts';
import { describe, migrationSource } from './cleanup.ts';
import type { VolumeManager } from './manager.ts';
import { pages } from './pages.ts';
import {
  lostSnapshot,
  lostVolume,
  ownerOf,
  recoverSnapshot,
  recoverVolume,
  type SnapshotAction,
  type VolumeAction,
} from './recovery.ts';
import { loadSnapshot, type SnapshotOfVolume, snapshotKey, volumeKey } from './resources.ts';

/** What the messages' side knows (manager.md §2.6 rules 2 and 4). */
export interface Inbox {
  /** How often a consumer of the backend was lost so far. */
  breaks(): number;
  /** Whether nothing is under way: queues empty on the broker, and no message here waits for a slot. */
  isEmpty(signal: AbortSignal): Promise<boolean>;
}

interface Seen {
  readonly token: string;
  readonly at: number;
  readonly breaks: number;
}

type Found =
  | { readonly type: 'Volume'; readonly resource: Volume; readonly action: VolumeAction }
  | { readonly type: 'Snapshot'; readonly resource: SnapshotOfVolume; readonly action: SnapshotAction };

const volumeStatuses = [
  'creating',
  'deleting',
  'error_managing_deleting',
  'unmanaging',
  'extending',
  'uploading',
  'downloading',
  'managing',
];
const snapshotStatuses = ['creating', 'deleting', 'unmanaging', 'restoring'];

/**
 * Finds requests whose message is lost: the row was written for us, and nothing came (manager.md §2.6). A row counts as
 * forsaken when two looks, `handover_grace` apart by the monotonic clock, see the same, and no consumer was lost between.
 */
export class HandoverWatch {
  readonly #manager: VolumeManager;
  readonly #inbox: Inbox;
  readonly #seen = new Map<string, Seen>();

  constructor(manager: VolumeManager, inbox: Inbox) {
    this.#manager = manager;
    this.#inbox = inbox;
  }

  /**
   * One look: at every transitional row of the backend where `whole`, else at those with a `workers` row that nobody at
   * work holds. Takes up what is forsaken. True when something was seen that a later look must judge.
   */
  async look(whole: boolean, signal: AbortSignal): Promise<boolean> {
    const grace = this.#manager.settings.handover_grace * 1000;
    if (grace === 0) return false;
    const keys = whole ? await this.#transitional() : await this.#handedOver();
    const forsaken: ResourceKey[] = [];
    const still = new Map<string, Seen>();
    for (const key of keys.filter((candidate) => !this.#manager.claims.holds(candidate))) {
      const name = `${key.type} ${key.id}`;
      const token = await this.#token(this.#manager.db, key);
      if (token === undefined) continue;
      const now = { token, at: performance.now(), breaks: this.#inbox.breaks() };
      const before = this.#seen.get(name);
      const same = before !== undefined && before.token === token && before.breaks === now.breaks;
      still.set(name, same ? before : now);
      if (same && now.at - before.at >= grace) forsaken.push(key);
    }
    if (whole) this.#seen.clear();
    for (const [name, seen] of still) this.#seen.set(name, seen);
    if (forsaken.length > 0 && (await this.#inbox.isEmpty(signal))) {
      for (const key of forsaken) {
        if (!signal.aborted) await this.#takeUp(key);
      }
    }
    return still.size > 0;
  }

  async #transitional(): Promise<ResourceKey[]> {
    const { db, host } = this.#manager;
    const keys: ResourceKey[] = [];
    for await (const volume of pages((page) => db.volumes.ofService(host, page, volumeStatuses))) {
      keys.push(volumeKey(volume.id));
    }
    for await (const snapshot of pages((page) => db.snapshots.ofService(host, page, snapshotStatuses))) {
      keys.push(snapshotKey(snapshot.id));
    }
    return keys;
  }

  async #handedOver(): Promise<ResourceKey[]> {
    const rows = await this.#manager.db.workers.handedOver(this.#manager.host);
    return rows.map((row) => row.key).filter((key) => key.type === 'Volume' || key.type === 'Snapshot');
  }

  /** All that must not change between two looks; undefined where the row is somebody's, or no request at all. */
  async #token(tx: Tables, key: ResourceKey): Promise<string | undefined> {
    const row = await tx.workers.find(key);
    if (!isNobodys(row)) return undefined;
    const found = await this.#judge(tx, key, row);
    if (found === undefined) return undefined;
    const resource = found.type === 'Volume' ? found.resource : found.resource.snapshot;
    const migration = found.type === 'Volume' ? found.resource.migration_status : null;
    const worker = row === undefined ? [] : [row.id, row.service_id, row.status, row.race_preventer, row.updated_at];
    return JSON.stringify([...worker, resource.status, migration, resource.updated_at]);
  }

  async #judge(tx: Tables, key: ResourceKey, row: WorkerRow | undefined): Promise<Found | undefined> {
    const { host } = this.#manager;
    if (key.type === 'Volume') {
      const volume = await tx.volumes.get(key.id);
      if (volume?.host == null || serviceOf(volume.host) !== host || volume.group_id !== null) return undefined;
      const action = lostVolume(volume, await migrationSource(tx, volume));
      return action && { type: 'Volume', resource: volume, action };
    }
    const found = await loadSnapshot(tx, key.id);
    if (found?.host == null || serviceOf(found.host) !== host) return undefined;
    if (found.snapshot.group_snapshot_id !== null || found.volume.status === 'deleting') return undefined;
    const action = lostSnapshot(found, row !== undefined);
    return action && { type: 'Snapshot', resource: found, action };
  }

  /** Claims on exactly what the looks saw, then runs the operation as an ordinary one. */
  async #takeUp(key: ResourceKey): Promise<void> {
    const { db, claims, log, service } = this.#manager;
    const name = `${key.type} ${key.id}`;
    const seen = this.#seen.get(name);
    this.#seen.delete(name);
    const taken = await db.transaction(async (tx) => {
      if ((await this.#token(tx, key)) !== seen?.token) return undefined;
      const row = await tx.workers.find(key);
      const found = await this.#judge(tx, key, row);
      if (found === undefined) return undefined;
      const status = (found.type === 'Volume' ? found.resource.status : found.resource.snapshot.status) ?? '';
      const claim =
        row === undefined
          ? await tx.workers.insert(key, status, service.id)
          : await tx.workers.take(row, status, service.id);
      return claim && { claim, found, status };
    });
    if (taken === undefined) return;
    const { claim, found, status } = taken;
    const what = describe(found.action);
    log.log(
      'WARNING',
      { resource: key.id },
      'No message came for %s %s in status %s: %s',
      key.type,
      key.id,
      status,
      what,
    );
    this.#manager.note({ at: Date.now(), type: key.type, id: key.id, status, action: what });
    try {
      await this.#run(found, claims.hold(claim, found));
    } catch (error) {
      if (!this.#manager.signal.aborted)
        log.log('ERROR', { error, resource: key.id }, '%s failed: %s', name, messageOf(error));
    }
  }

  async #run(found: Found, held: Held<Found>): Promise<void> {
    const manager = this.#manager;
    const context = contextFor(ownerOf(found.type === 'Volume' ? found.resource : found.resource.snapshot));
    await withLogContext(context, () =>
      manager.claims.run(held, manager.signal, async (work) => {
        if (found.type === 'Volume')
          await recoverVolume(manager, context, { ...work, resource: found.resource }, found.action);
        else await recoverSnapshot(manager, context, { ...work, resource: found.resource }, found.action);
      }),
    );
  }
}

/** Owned by nobody at work: rule 3 of manager.md §2.6. */
function isNobodys(row: WorkerRow | undefined): boolean {
  if (row === undefined || row.service_id === null) return true;
  return row.owner === undefined || row.owner.deleted || row.owner.binary !== 'cinder-volume';
}
