import type { Tables } from '../interface/database.ts';
import type { ResourceKey } from '../interface/worker-table.ts';
import type { Group, GroupSnapshot } from '../objects/group.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import type { Volume } from '../objects/volume.ts';
import type { Claimable } from './claim.ts';

/** A snapshot with the volume that it is of: where the volume lives decides whose work it is. */
export interface SnapshotOfVolume extends Claimable {
  readonly snapshot: Snapshot;
  readonly volume: Volume;
}

/** How a volume is found for a claim. */
export function volumeKey(id: string): ResourceKey {
  return { type: 'Volume', id };
}

export function snapshotKey(id: string): ResourceKey {
  return { type: 'Snapshot', id };
}

/** Reads a snapshot together with its volume; undefined when either is gone. */
export async function loadSnapshot(tx: Tables, id: string): Promise<SnapshotOfVolume | undefined> {
  const snapshot = await tx.snapshots.get(id);
  const volume = snapshot === undefined ? undefined : await tx.volumes.get(snapshot.volume_id);
  if (snapshot === undefined || volume === undefined) return undefined;
  return { snapshot, volume, status: snapshot.status, host: volume.host };
}

export function groupKey(id: string): ResourceKey {
  return { type: 'Group', id };
}

export function groupSnapshotKey(id: string): ResourceKey {
  return { type: 'GroupSnapshot', id };
}

/** A group snapshot with its group: where that lives decides whose work it is. */
export interface SnapshotOfGroup extends Claimable {
  readonly groupSnapshot: GroupSnapshot;
  readonly group: Group;
}

/** Reads a group snapshot together with its group; undefined when either is gone. */
export async function loadGroupSnapshot(tx: Tables, id: string): Promise<SnapshotOfGroup | undefined> {
  const groupSnapshot = await tx.groupSnapshots.get(id);
  const group = groupSnapshot === undefined ? undefined : await tx.groups.get(groupSnapshot.group_id);
  if (groupSnapshot === undefined || group === undefined) return undefined;
  return { groupSnapshot, group, status: groupSnapshot.status, host: group.host };
}
