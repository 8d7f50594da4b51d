import type { Logger } from '../base/log.ts';
import { KeyedMutex } from '../base/mutex.ts';
import type { Database, Tables } from '../interface/database.ts';
import type { Claim, ResourceKey, WorkerRow } from '../interface/worker-table.ts';
import { type ServiceHost, serviceOf } from '../objects/host.ts';
import { persist } from './persist.ts';

/** What a claim is about, as far as claiming needs to know it. */
export interface Claimable {
  readonly status: string | null;
  readonly host: string | null;
}

/** How one method claims: what it reads, and in which state it expects that (rpc.md R-10). */
export interface ClaimRequest<R extends Claimable> {
  readonly method: string;
  readonly key: ResourceKey;
  load(tx: Tables): Promise<R | undefined>;
  expected(resource: R): boolean;
  /** The status that the row records; the resource's own where this is left out. */
  readonly recorded?: (resource: R) => string;
  /** Written in the transaction of the claim. */
  readonly also?: (tx: Tables, resource: R) => Promise<void>;
  /** Written when the resource is in another state than expected, and the request therefore over. */
  readonly dropped?: (tx: Tables, resource: R) => Promise<void>;
}

/** A resource in our hands, from the commit of the claim to the end of the operation. */
export interface Held<R> {
  readonly key: ResourceKey;
  readonly claim: Claim;
  /** As it stood in the transaction of the claim. */
  readonly resource: R;
}

/** What an operation on a held resource gets. */
export interface Work<R> extends Held<R> {
  /** Aborts when the service gives up waiting, or when somebody took the claim away. */
  readonly signal: AbortSignal;
  /**
   * Ends the operation: `body` writes the final state, and the claim goes in the same transaction. Waits for a database
   * that is away. An operation that ends without leaves its row, and the clean-up carries it on.
   */
  finish<T>(body: (tx: Tables) => Promise<T>): Promise<T>;
  /**
   * Writes a state in between: `body` sets the status of the resource, and the row says the same from then on, so that a
   * clean-up knows how far the operation came.
   */
  recordStatus(status: string, body: (tx: Tables) => Promise<unknown>): Promise<void>;
  /** The last renewal was: the row is about to be taken by somebody to whom we hand the resource (manager.md §4.3). */
  stopRenewing(): void;
}

interface Entry {
  claim: Claim;
  readonly serviceId: number;
  readonly abort: AbortController;
  renewed: boolean;
}

const renewEvery = 10_000;

/**
 * The `workers` rows of this process: taken before an operation, renewed every 10 s while it runs, gone with its
 * last write. One resource is worked on by one operation at a time.
 */
export class Claims {
  readonly #db: Database;
  readonly #log: Logger;
  readonly #host: ServiceHost;
  readonly #serviceId: () => number;
  readonly #held = new Map<string, Entry>();
  readonly #turns = new KeyedMutex();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: { db: Database; log: Logger; host: ServiceHost; serviceId: () => number }) {
    this.#db = options.db;
    this.#log = options.log;
    this.#host = options.host;
    this.#serviceId = options.serviceId;
  }

  /** True while an operation of this process holds the resource, or waits for its turn with a claim. */
  holds(key: ResourceKey): boolean {
    return this.#held.has(textOf(key));
  }

  /**
   * Claims a resource, in one transaction with the read of it. Undefined when the request is not ours to run: the reason
   * is logged, nothing is changed but a row of ours that was left over.
   */
  async take<R extends Claimable>(request: ClaimRequest<R>): Promise<Held<R> | undefined> {
    const serviceId = this.#serviceId();
    const outcome = await this.#db.transaction(async (tx) => {
      const resource = await request.load(tx);
      const row = await tx.workers.find(request.key);
      const refusal = await this.#judge(request, resource, row, serviceId, tx);
      if (refusal !== undefined || resource === undefined) return { refusal: refusal ?? missing };
      const status = request.recorded?.(resource) ?? resource.status ?? '';
      const claim =
        row === undefined
          ? await tx.workers.insert(request.key, status, serviceId)
          : await tx.workers.take(row, status, serviceId);
      if (claim === undefined) return { refusal: inUse };
      await request.also?.(tx, resource);
      return { claim, resource };
    });
    if (outcome.refusal !== undefined) {
      this.#tell(request, outcome.refusal);
      return undefined;
    }
    return this.hold(outcome.claim, outcome.resource, serviceId);
  }

  /** Holds a claim that was taken elsewhere, by the clean-up: it is renewed from now on. */
  hold<R>(claim: Claim, resource: R, serviceId = this.#serviceId()): Held<R> {
    const name = textOf(claim.key);
    this.#held.get(name)?.abort.abort(new Error('another request has taken the claim'));
    this.#held.set(name, { claim, serviceId, abort: new AbortController(), renewed: true });
    this.#timer ??= setInterval(() => void this.#renew(), renewEvery);
    return { key: claim.key, claim, resource };
  }

  /** Runs an operation on what is held, when the one before on the same resource has ended. */
  async run<R, T>(held: Held<R>, signal: AbortSignal, operation: (work: Work<R>) => Promise<T>): Promise<T> {
    const name = textOf(held.key);
    const entry = this.#held.get(name);
    if (entry?.claim.id !== held.claim.id) throw new Error(`the claim on ${name} is not held any more`);
    const stop = (): void => entry.abort.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      return await this.#turns.withLock(name, () => operation(this.#work(held, entry)), entry.abort.signal);
    } finally {
      signal.removeEventListener('abort', stop);
      this.#forget(name, entry);
    }
  }

  /** Stops renewing. What is held stays in the table, for the next start. */
  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #work<R>(held: Held<R>, entry: Entry): Work<R> {
    return {
      ...held,
      signal: entry.abort.signal,
      finish: async (body) => {
        entry.renewed = false;
        return persist(
          { db: this.#db, log: this.#log },
          async (tx) => {
            const result = await body(tx);
            await tx.workers.release(entry.claim, entry.serviceId);
            return result;
          },
          entry.abort.signal,
        );
      },
      recordStatus: async (status, body) => {
        const write = async (tx: Tables): Promise<void> => {
          await body(tx);
          await tx.workers.setStatus(entry.claim, status, entry.serviceId);
        };
        await persist({ db: this.#db, log: this.#log }, write, entry.abort.signal);
        entry.claim = { ...entry.claim, status };
      },
      stopRenewing: () => {
        entry.renewed = false;
      },
    };
  }

  async #judge<R extends Claimable>(
    request: ClaimRequest<R>,
    resource: R | undefined,
    row: WorkerRow | undefined,
    serviceId: number,
    tx: Tables,
  ): Promise<Refusal | undefined> {
    const ours = row !== undefined && row.service_id === serviceId;
    if (ours && this.holds(request.key)) return running;
    if (resource === undefined || !isOurs(resource, this.#host) || !request.expected(resource)) {
      if (ours) await tx.workers.release(row, serviceId);
      if (resource === undefined) return missing;
      await request.dropped?.(tx, resource);
      return unexpected(resource, this.#host);
    }
    if (ours) return leftToCleanup;
    return row?.owner?.binary === 'cinder-volume' && !row.owner.deleted ? inUse : undefined;
  }

  #tell(request: Pick<ClaimRequest<never>, 'method' | 'key'>, refusal: Refusal): void {
    const { method, key } = request;
    this.#log.log(
      refusal.level,
      { resource: key.id },
      'Dropped %s of %s %s: %s',
      method,
      key.type,
      key.id,
      refusal.why,
    );
  }

  async #renew(): Promise<void> {
    const entries = [...this.#held].filter(([, entry]) => entry.renewed);
    for (const [serviceId, group] of byService(entries)) {
      try {
        const claims = group.map(([, entry]) => entry.claim);
        const kept = await this.#db.workers.renew(claims, serviceId);
        for (const [name, entry] of group) {
          if (!kept.has(entry.claim.id) && entry.renewed && this.#held.get(name) === entry) {
            this.#log.warning('The claim on %s was taken away, stopping its operation', name);
            entry.abort.abort(new Error('the claim was taken away'));
          }
        }
      } catch (error) {
        this.#log.log('DEBUG', { error }, 'Claims could not be renewed');
      }
    }
  }

  #forget(name: string, entry: Entry): void {
    if (this.#held.get(name) === entry) this.#held.delete(name);
    if (this.#held.size === 0) this.close();
  }
}

interface Refusal {
  readonly level: 'DEBUG' | 'INFO' | 'WARNING';
  readonly why: string;
}

const running: Refusal = { level: 'WARNING', why: 'the same is running here' };
const missing: Refusal = { level: 'INFO', why: 'status is deleted' };
const leftToCleanup: Refusal = { level: 'INFO', why: 'the clean-up of interrupted work has it' };
const inUse: Refusal = { level: 'WARNING', why: 'another cinder-volume is at work on it (CleanableInUse)' };

function unexpected(resource: Claimable, host: ServiceHost): Refusal {
  const level = resource.status === 'error' ? 'WARNING' : 'INFO';
  const place = isOurs(resource, host) ? '' : `, host is ${resource.host ?? 'not chosen'}`;
  return { level, why: `status is ${resource.status ?? 'unknown'}${place}` };
}

/** Compared at the level of the service, exactly: `nfs_1` is not `nfs-1` (database.md §1.3). */
function isOurs(resource: Claimable, host: ServiceHost): boolean {
  return resource.host !== null && serviceOf(resource.host) === host;
}

function textOf(key: ResourceKey): string {
  return `${key.type} ${key.id}`;
}

/** As a rule one group: the heartbeat makes a new `services` row only when somebody removed ours. */
function byService(entries: readonly [string, Entry][]): Map<number, [string, Entry][]> {
  const groups = new Map<number, [string, Entry][]>();
  for (const item of entries) groups.set(item[1].serviceId, [...(groups.get(item[1].serviceId) ?? []), item]);
  return groups;
}
