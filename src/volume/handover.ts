import { messageOf } from '../base/errors.ts';
import { inLanes } from '../base/lanes.ts';
import { withLogContext } from '../base/log.ts';
import type { Tables } from '../interface/database.ts';
import type { ResourceKey, ResourceType, WorkerRow } from '../interface/worker-table.ts';
import { contextFor } from '../objects/context.ts';
import { serviceOf } from '../objects/host.ts';
import type { VolumeManager } from './manager.ts';
import type { Found, Recovery } from './recovery.ts';
import { recoveryKinds } from './recovery-kinds.ts';

/** What the messages' side knows (manager.md §2.6 rules 2 and 4). */
export interface Inbox {
  /** How often a consumer of the backend was lost so far. */
  breaks(): number;
  /**
   * Whether nothing is under way: queues empty on the broker, and no message here waits for a slot. With `scheduled` also
   * at the schedulers, where there are any, and one of them is up.
   */
  isEmpty(signal: AbortSignal, scheduled: boolean): Promise<boolean>;
}

/** What a scheduler passes on without a `workers` row: it may have the message still (rule 4). */
const passedOn: Readonly<Partial<Record<ResourceType, readonly string[]>>> = {
  Volume: ['extending', 'retyping', 'maintenance', 'managing'],
  Snapshot: ['creating'],
  Group: ['creating'],
};

/** What a look finds, and by which it is known again. */
interface Forsaken {
  readonly row: WorkerRow | undefined;
  readonly found: Found;
  readonly recovery: Recovery;
  readonly token: string;
}

interface Seen {
  readonly token: string;
  readonly at: number;
  readonly breaks: number;
}

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
    let withSchedulers = 0;
    let scheduled: Promise<boolean> | undefined;
    for (const key of keys.filter((candidate) => !this.#manager.claims.holds(candidate))) {
      const name = `${key.type} ${key.id}`;
      const judged = await this.#judge(this.#manager.db, key);
      if (judged === undefined) continue;
      const { row, token, found } = judged;
      if (row === undefined && passedOn[key.type]?.includes(found.status)) {
        scheduled ??= this.#inbox.isEmpty(signal, true);
        if (!(await scheduled)) {
          withSchedulers += 1;
          continue;
        }
      }
      const now = { token, at: performance.now(), breaks: this.#inbox.breaks() };
      const before = this.#seen.get(name);
      const same = before !== undefined && before.token === token && before.breaks === now.breaks;
      still.set(name, same ? before : now);
      if (same && now.at - before.at >= grace) forsaken.push(key);
    }
    if (whole) this.#seen.clear();
    for (const [name, seen] of still) this.#seen.set(name, seen);
    if (forsaken.length > 0 && (await this.#inbox.isEmpty(signal, false))) {
      await inLanes(4, forsaken, signal, (key) => this.#takeUp(key));
    }
    return still.size + withSchedulers > 0;
  }

  async #transitional(): Promise<ResourceKey[]> {
    const keys: ResourceKey[] = [];
    for (const kind of Object.values(recoveryKinds)) {
      for await (const key of kind.candidates(this.#manager)) keys.push(key);
    }
    return keys;
  }

  async #handedOver(): Promise<ResourceKey[]> {
    const rows = await this.#manager.db.workers.handedOver(this.#manager.host);
    return rows.map((row) => row.key).filter((key) => recoveryKinds[key.type] !== undefined);
  }

  /** All that must not change between two looks; undefined where the row is somebody's, or no request at all. */
  async #judge(tx: Tables, key: ResourceKey): Promise<Forsaken | undefined> {
    const row = await tx.workers.find(key);
    if (!isNobodys(row)) return undefined;
    const found = await recoveryKinds[key.type]?.find(tx, key.id);
    if (found?.host == null || serviceOf(found.host) !== this.#manager.host) return undefined;
    const recovery = found.lost(row !== undefined);
    if (recovery === undefined) return undefined;
    const worker = row === undefined ? [] : [row.id, row.service_id, row.status, row.race_preventer, row.updated_at];
    return { row, found, recovery, token: JSON.stringify([...worker, found.status, ...found.marks]) };
  }

  /** Claims on exactly what the looks saw, then runs the operation as an ordinary one. */
  async #takeUp(key: ResourceKey): Promise<void> {
    const { db, claims, log, service } = this.#manager;
    const { type, id } = key;
    const name = `${type} ${id}`;
    const seen = this.#seen.get(name);
    this.#seen.delete(name);
    const taken = await db.transaction(async (tx) => {
      const forsaken = await this.#judge(tx, key);
      if (forsaken === undefined || forsaken.token !== seen?.token) return undefined;
      const { row, found } = forsaken;
      const claim =
        row === undefined
          ? await tx.workers.insert(key, found.status, service.id)
          : await tx.workers.take(row, found.status, service.id);
      return claim && { claim, ...forsaken };
    });
    if (taken === undefined) return;
    const { claim, found, recovery } = taken;
    const { status } = found;
    log.log('WARNING', { resource: id }, 'No message came for %s %s in status %s: %s', type, id, status, recovery.what);
    this.#manager.note({ at: Date.now(), type, id, status, action: recovery.what });
    const context = contextFor(found.owner);
    try {
      await withLogContext(context, () =>
        claims.run(claims.hold(claim, found), this.#manager.signal, (work) =>
          recovery.run(this.#manager, context, work),
        ),
      );
    } catch (error) {
      if (!this.#manager.signal.aborted)
        log.log('ERROR', { error, resource: id }, '%s failed: %s', name, messageOf(error));
    }
  }
}

/** Owned by nobody at work: rule 3 of manager.md §2.6. */
function isNobodys(row: WorkerRow | undefined): boolean {
  if (row === undefined || row.service_id === null) return true;
  return row.owner === undefined || row.owner.deleted || row.owner.binary !== 'cinder-volume';
}
