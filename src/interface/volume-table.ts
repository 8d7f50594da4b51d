import type { ServiceHost } from '../objects/host.ts';
import type { Volume } from '../objects/volume.ts';
import type { Page, Stamps } from './row.ts';

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

/** Volumes come with metadata, admin_metadata, type (extra specs included) and attachments. */
export interface VolumeTable {
  get(id: string): Promise<Volume | undefined>;
  /** By id, or by `display_name`: several where the name is not unique. */
  named(name: string): Promise<readonly Volume[]>;
  list(page: Page): Promise<readonly Volume[]>;
  /** Volumes of a service, `host` compared exactly at the level of the service (database.md §1.3). */
  ofService(host: ServiceHost, page: Page, statuses?: readonly string[]): Promise<readonly Volume[]>;
  /** Volumes of a service whose migration is asked for and has not begun. */
  aboutToMigrate(host: ServiceHost): Promise<readonly Volume[]>;
  /** The destination of a migration of the volume that is under way, or was cut off. */
  targetOf(volumeId: string): Promise<Volume | undefined>;
  /** The volumes of a group. */
  ofGroup(groupId: string): Promise<readonly Volume[]>;
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
  /**
   * `finish_volume_migration` (manager.md §9.3, step 6): the row `id` comes to describe what `destinationId` did, and the
   * other way round; `id` and `provider_location` stay. False when one of them is gone.
   */
  finishMigration(id: string, destinationId: string): Promise<boolean>;
  /** True while a backup that is being restored names the volume: cinder-backup is writing it (manager.md §2.3). */
  restoredFromBackup(id: string): Promise<boolean>;
  setAdminMetadata(id: string, key: string, value: string): Promise<void>;
  removeAdminMetadata(id: string, key: string): Promise<void>;
  /** Copies the image properties of a bootable source (database.md §3.3); true when there were any. */
  copyGlanceMetadata(from: GlanceOwner, to: GlanceOwner): Promise<boolean>;
  /** The image properties of a bootable volume or snapshot; empty where it has none. */
  glanceMetadata(of: GlanceOwner): Promise<Readonly<Record<string, string>>>;
  /** The rows of these properties as they stand, oldest first. */
  glanceMetadataRows(of: GlanceOwner): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** Makes these the image properties, in place of any that there are. */
  replaceGlanceMetadata(of: GlanceOwner, properties: Readonly<Record<string, string>>): Promise<void>;
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
