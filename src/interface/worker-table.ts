import type { UtcTime } from '../base/time.ts';
import type { ServiceHost } from '../objects/host.ts';
import type { Service } from '../objects/service.ts';

/** Types of resources that `workers` rows are about. */
export type ResourceType = 'Volume' | 'Snapshot' | 'Group' | 'GroupSnapshot';

export interface ResourceKey {
  readonly type: ResourceType;
  readonly id: string;
}

/** A row of `workers` (database.md §3.8). `updated_at` has all its microseconds: with the rest it is the token of a claim. */
export interface WorkerRow {
  readonly id: number;
  readonly key: ResourceKey;
  readonly status: string;
  readonly service_id: number | null;
  readonly race_preventer: number;
  readonly updated_at: UtcTime;
  /** The `services` row of `service_id`, deleted or not; undefined when there is none at all. */
  readonly owner?: Pick<Service, 'id' | 'host' | 'binary' | 'deleted'>;
}

/** A `workers` row in our hands. */
export interface Claim {
  readonly id: number;
  readonly key: ResourceKey;
  readonly status: string;
}

/** The protocol of database.md §5. The sentinel row is never seen. */
export interface WorkerTable {
  find(key: ResourceKey): Promise<WorkerRow | undefined>;
  /** Rows that a service holds; `null` those that nobody does. */
  ofService(serviceId: number | null): Promise<readonly WorkerRow[]>;
  /** Rows of the resources of one service that nobody at work holds: manager.md §2.6 rule 3 a. */
  handedOver(host: ServiceHost): Promise<readonly WorkerRow[]>;
  /** Makes the row. Undefined when there is one already. */
  insert(key: ResourceKey, status: string, serviceId: number | null): Promise<Claim | undefined>;
  /** Compare-and-set on everything that `row` says. Undefined when it says something else by now. */
  take(row: WorkerRow, status: string, serviceId: number): Promise<Claim | undefined>;
  /** Sets the status of a claim of ours. False when it is ours no more. */
  setStatus(claim: Claim, status: string, serviceId: number): Promise<boolean>;
  /** Renews claims of ours; resolves to the ids of those that are still ours. */
  renew(claims: readonly Claim[], serviceId: number): Promise<ReadonlySet<number>>;
  /**
   * Undoes `take`: the row says again what it said before, its time included, so that a later clean-up finds it
   * (database.md §5.5, step 4). False when it is ours no more.
   */
  giveBack(row: WorkerRow, claim: Claim, serviceId: number): Promise<boolean>;
  /** Deletes a claim if it is still ours. */
  release(claim: Claim, serviceId: number): Promise<boolean>;
  /** `create_worker` of database.md §5.1: hands the resource over, to be claimed by whoever gets the message. */
  handOver(key: ResourceKey, status: string): Promise<void>;
  /** Deletes the row of a resource while nobody holds it: takes a hand-over back. False when somebody does. */
  withdraw(key: ResourceKey): Promise<boolean>;
}
