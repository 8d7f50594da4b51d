import type { UtcTime } from '../base/time.ts';
import type { VolumeAttachment } from '../objects/attachment.ts';
import type { ServiceHost } from '../objects/host.ts';
import type { Service } from '../objects/service.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import type { Volume } from '../objects/volume.ts';
import type { QosSpecs, VolumeType } from '../objects/volume-type.ts';

/**
 * The tables that the daemon shares with Cinder (database.md). Reads give live rows only and see everything, as an admin
 * would. Every write sets the columns that upstream's ORM sets by itself (`updated_at` and its exceptions, database.md §1.1).
 *
 * Every method rejects with a DatabaseError when the database could not do it; nothing is written then. A deadlock or a
 * busy file is tried again inside.
 */
export interface Tables {
  readonly services: ServiceTable;
  readonly volumes: VolumeTable;
  readonly snapshots: SnapshotTable;
  readonly attachments: AttachmentTable;
  readonly workers: WorkerTable;
  readonly quotas: QuotaTable;
  readonly messages: MessageTable;
  readonly volumeTypes: VolumeTypeTable;
}

export interface Database extends Tables, AsyncDisposable {
  /**
   * Runs `body` in one transaction: all of it is durable when the promise resolves, none of it when it rejects. `body`
   * uses `tx` and nothing else that matters, for it runs again after a deadlock or on a busy file.
   */
  transaction<T>(body: (tx: Tables) => Promise<T>): Promise<T>;
  /** Resolves when the database answers; milliseconds it took. */
  ping(): Promise<number>;
  /** What `db check` shows and the log names: the URL with its password masked. */
  readonly url: string;
}

/**
 * `away`: no connection, a locked or missing file: the same statement may succeed later. `full`: no space where the
 * database writes; also worth another try. `refused`: the statement itself fails, again and again.
 */
export type DatabaseErrorKind = 'away' | 'full' | 'refused';

export class DatabaseError extends Error {
  readonly kind: DatabaseErrorKind;

  constructor(kind: DatabaseErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DatabaseError';
    this.kind = kind;
  }
}

export interface ServiceTable {
  find(host: string, binary: string): Promise<Service | undefined>;
  get(id: number): Promise<Service | undefined>;
  list(): Promise<readonly Service[]>;
  /** Finds or makes the row of a starting service and sets its versions (database.md §2.1). */
  register(service: NewService): Promise<Service>;
  /** One heartbeat: `report_count` + 1, `updated_at`, the zone. False when the row is gone. */
  reportState(id: number, availability_zone: string): Promise<boolean>;
  /** With `disabled` among the changes `modified_at` is set and `updated_at` kept. False when the row is gone. */
  update(id: number, changes: ServiceChanges): Promise<boolean>;
}

export interface NewService {
  readonly host: ServiceHost;
  readonly binary: string;
  readonly topic: string;
  readonly availability_zone: string;
  readonly disabled: boolean;
  readonly cluster_name: string | null;
  readonly rpc_current_version: string;
  readonly object_current_version: string;
}

export type ServiceChanges = Partial<
  Pick<Service, 'disabled' | 'disabled_reason' | 'replication_status' | 'active_backend_id' | 'frozen' | 'cluster_name'>
>;

/** Columns that the database keeps by itself. */
type Stamps = 'created_at' | 'updated_at' | 'deleted_at' | 'deleted';

/** Columns of a volume that can be written; `metadata` replaces the whole set. */
export type VolumeChanges = Partial<
  Omit<
    Volume,
    | 'id'
    | 'volume_type_id'
    | 'admin_metadata'
    | 'glance_metadata'
    | 'volume_type'
    | 'volume_attachment'
    | 'group'
    | Stamps
  > & { readonly volume_type_id: string }
>;

/** A page of rows in the order of their ids: what comes behind `after`, `limit` rows at most. */
export interface Page {
  readonly after?: string;
  readonly limit: number;
}

/** Volumes come with metadata, admin_metadata, type (extra specs included) and attachments. */
export interface VolumeTable {
  get(id: string): Promise<Volume | undefined>;
  /** By id, or by `display_name`: several where the name is not unique. */
  named(name: string): Promise<readonly Volume[]>;
  list(page: Page): Promise<readonly Volume[]>;
  /** Volumes of a service, `host` compared exactly at the level of the service (database.md §1.3). */
  ofService(host: ServiceHost, page: Page, statuses?: readonly string[]): Promise<readonly Volume[]>;
  /** Count and size in GiB of a service's volumes by their exact `host`, statuses as given. */
  usage(host: ServiceHost, statuses?: readonly string[]): Promise<readonly PoolUsage[]>;
  /** Hosts at the level of the service that own live volumes, with their count: for O-22d. */
  serviceHosts(): Promise<readonly { readonly host: string; readonly count: number }[]>;
  create(volume: NewVolume): Promise<void>;
  /** Writes columns. With `expected` only while the status is one of them; false when no row was written (database.md §6). */
  update(id: string, changes: VolumeChanges, expected?: readonly string[]): Promise<boolean>;
  /** `volume_destroy` of database.md §4. False when it was gone. */
  destroy(id: string): Promise<boolean>;
  /**
   * `volume_update_status_based_on_attachment` of database.md §4: `in-use` while there are attachments, else `available`.
   * False when the volume is gone.
   */
  settleStatus(id: string): Promise<boolean>;
  /** True while a backup that is being restored names the volume: cinder-backup is writing it (manager.md §2.3). */
  restoredFromBackup(id: string): Promise<boolean>;
  setAdminMetadata(id: string, key: string, value: string): Promise<void>;
  removeAdminMetadata(id: string, key: string): Promise<void>;
  /** Copies the image properties of a bootable source (database.md §3.3); true when there were any. */
  copyGlanceMetadata(from: GlanceOwner, to: GlanceOwner): Promise<boolean>;
  removeGlanceMetadata(of: GlanceOwner): Promise<void>;
}

export interface PoolUsage {
  readonly host: string;
  readonly count: number;
  readonly size: number;
}

export type GlanceOwner = { readonly volume_id: string } | { readonly snapshot_id: string };

/** What a create needs; everything else is null, false or the default type. `use_quota` is true unless it says otherwise. */
export type NewVolume = Partial<
  Omit<Volume, 'id' | 'size' | 'status' | 'volume_type' | 'volume_attachment' | 'group' | Stamps>
> & {
  readonly id: string;
  readonly size: number;
  readonly status: string;
};

export type SnapshotChanges = Partial<
  Omit<Snapshot, 'id' | 'volume_id' | 'volume_type_id' | 'volume' | 'group_snapshot' | Stamps> & {
    readonly volume_type_id: string;
  }
>;

/** Snapshots come with metadata, without their volume. */
export interface SnapshotTable {
  get(id: string): Promise<Snapshot | undefined>;
  named(name: string): Promise<readonly Snapshot[]>;
  list(page: Page): Promise<readonly Snapshot[]>;
  ofVolume(volumeId: string): Promise<readonly Snapshot[]>;
  /** Snapshots of the volumes of a service. */
  ofService(host: ServiceHost, page: Page, statuses?: readonly string[]): Promise<readonly Snapshot[]>;
  create(snapshot: NewSnapshot): Promise<void>;
  update(id: string, changes: SnapshotChanges, expected?: readonly string[]): Promise<boolean>;
  destroy(id: string): Promise<boolean>;
}

export type NewSnapshot = Partial<Omit<Snapshot, 'volume' | 'group_snapshot' | Stamps>> &
  Pick<Snapshot, 'id' | 'volume_id' | 'volume_size' | 'status'>;

export type AttachmentChanges = Partial<Omit<VolumeAttachment, 'id' | 'volume_id' | 'volume' | Stamps>>;

export interface AttachmentTable {
  get(id: string): Promise<VolumeAttachment | undefined>;
  ofVolume(volumeId: string): Promise<readonly VolumeAttachment[]>;
  create(attachment: AttachmentChanges & Pick<VolumeAttachment, 'id' | 'volume_id'>): Promise<void>;
  update(id: string, changes: AttachmentChanges): Promise<boolean>;
  /**
   * `volume_attached` of database.md §4: the attachment, and the volume's two statuses. Throws InvalidUUID,
   * VolumeAttachmentNotFound, VolumeNotFound.
   */
  attached(id: string, by: AttachedBy): Promise<void>;
  /** `volume_detached` of database.md §4, and the end of the admin metadata `attached_mode`. Throws VolumeNotFound. */
  detached(volumeId: string, id: string | undefined): Promise<void>;
  /** `attachment_destroy` of database.md §4: for one that never became a connection. False when it was gone. */
  destroy(id: string): Promise<boolean>;
}

export interface AttachedBy {
  readonly instance_uuid: string | null;
  readonly attached_host: string | null;
  readonly mountpoint: string;
  readonly attach_mode: string | null;
  /** False leaves everything at `attaching`: the caller completes it later. */
  readonly markAttached: boolean;
}

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

/** Changes of usage by resource name, such as `volumes` and `gigabytes_gold` (database.md §7.1). */
export type QuotaDeltas = Readonly<Record<string, number>>;

/** Quota arithmetic of database.md §7. */
export interface QuotaTable {
  /**
   * Resolves to the uuids of the reservations. Deltas below zero never fail on a limit; above it, OverQuota is thrown.
   * `quotaClass` is the context's, where the context is of this project. Throws QuotaResourceUnknown.
   */
  reserve(deltas: QuotaDeltas, projectId: string, quotaClass?: string | null): Promise<readonly string[]>;
  /** Unknown and expired reservations are passed over. */
  commit(reservations: readonly string[], projectId: string): Promise<void>;
  rollback(reservations: readonly string[], projectId: string): Promise<void>;
}

/** A message that a user can read (manager.md §15). */
export interface NewMessage {
  readonly project_id: string;
  readonly request_id: string;
  readonly resource_type: 'VOLUME' | 'VOLUME_SNAPSHOT';
  readonly resource_uuid: string;
  /** Three digits each. */
  readonly action_id: string;
  readonly detail_id: string;
}

export interface MessageTable {
  create(message: NewMessage): Promise<void>;
  ofResource(resourceId: string): Promise<readonly NewMessage[]>;
}

export interface VolumeTypeTable {
  /** Deleted types are found as well: their names stand in quota resources (database.md §7.1). */
  get(id: string): Promise<VolumeType | undefined>;
  /** The type that a volume without one gets (`__DEFAULT__`). */
  default(): Promise<VolumeType>;
  qosSpecs(id: string): Promise<QosSpecs | undefined>;
}
