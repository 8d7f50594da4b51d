import type { ServiceHost } from '../objects/host.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import type { Page, Stamps } from './row.ts';

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
  /** The snapshots of a group snapshot. */
  ofGroupSnapshot(groupSnapshotId: string): Promise<readonly Snapshot[]>;
  /** Snapshots of the volumes of a service. */
  ofService(host: ServiceHost, page: Page, statuses?: readonly string[]): Promise<readonly Snapshot[]>;
  create(snapshot: NewSnapshot): Promise<void>;
  update(id: string, changes: SnapshotChanges, expected?: readonly string[]): Promise<boolean>;
  destroy(id: string): Promise<boolean>;
}

export type NewSnapshot = Partial<Omit<Snapshot, 'volume' | 'group_snapshot' | Stamps>> &
  Pick<Snapshot, 'id' | 'volume_id' | 'volume_size' | 'status'>;
