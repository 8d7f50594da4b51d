import type { Group, GroupSnapshot } from '../objects/group.ts';
import type { ServiceHost } from '../objects/host.ts';
import type { Page } from './row.ts';

type GroupChanges = Partial<Pick<Group, 'status' | 'replication_status' | 'created_at'>>;

/** Groups come without their volumes and types. */
export interface GroupTable {
  get(id: string): Promise<Group | undefined>;
  /** Groups of a service, `host` compared exactly at the level of the service. */
  ofService(host: ServiceHost, page: Page, statuses: readonly string[]): Promise<readonly Group[]>;
  /** With `expected` only while the status is one of them; false when no row was written. */
  update(id: string, changes: GroupChanges, expected?: readonly string[]): Promise<boolean>;
  /** `group_destroy` of database.md §4: the types that it took go with it. False when it was gone. */
  destroy(id: string): Promise<boolean>;
}

export interface GroupSnapshotTable {
  get(id: string): Promise<GroupSnapshot | undefined>;
  /** Snapshots of the groups of a service. */
  ofService(host: ServiceHost, page: Page, statuses: readonly string[]): Promise<readonly GroupSnapshot[]>;
  update(id: string, changes: Partial<Pick<GroupSnapshot, 'status'>>, expected?: readonly string[]): Promise<boolean>;
  destroy(id: string): Promise<boolean>;
}
