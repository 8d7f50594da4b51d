import type { Tables } from '../interface/database.ts';
import type { RequestContext } from '../objects/context.ts';
import type { Group } from '../objects/group.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import type { Volume } from '../objects/volume.ts';
import type { VolumeManager } from './manager.ts';
import { snapshotPayload, volumePayload, withZone } from './notifications.ts';
import type { SnapshotOfGroup } from './resources.ts';

type Sender = Pick<VolumeManager, 'notifier' | 'host'> & { readonly db: Pick<Tables, 'volumes' | 'snapshots'> };

/** Sends `group.<event>`, and `volume.<event>` for each of its volumes, which are given when they are gone (manager.md §14). */
export async function notifyGroup(
  { notifier, host, db }: Sender,
  context: RequestContext,
  event: string,
  group: Group,
  volumes?: readonly Volume[],
): Promise<void> {
  if (!notifier.enabled) return;
  await notifier.info(context, `group.${host}`, `group.${event}`, {
    tenant_id: group.project_id,
    user_id: group.user_id,
    availability_zone: group.availability_zone,
    group_id: group.id,
    group_type: group.group_type_id,
    name: group.name,
    created_at: withZone(group.created_at),
    status: group.status,
  });
  for (const volume of volumes ?? (await db.volumes.ofGroup(group.id))) {
    await notifier.info(context, `volume.${host}`, `volume.${event}`, await volumePayload(db, volume));
  }
}

/** Sends `group_snapshot.<event>`, and `snapshot.<event>` for each of its snapshots, which are given when they are gone. */
export async function notifyGroupSnapshot(
  { notifier, host, db }: Sender,
  context: RequestContext,
  event: string,
  { groupSnapshot }: SnapshotOfGroup,
  snapshots?: readonly Snapshot[],
): Promise<void> {
  if (!notifier.enabled) return;
  await notifier.info(context, `group_snapshot.${host}`, `group_snapshot.${event}`, {
    tenant_id: groupSnapshot.project_id,
    user_id: groupSnapshot.user_id,
    group_snapshot_id: groupSnapshot.id,
    name: groupSnapshot.name,
    group_id: groupSnapshot.group_id,
    group_type: groupSnapshot.group_type_id,
    created_at: withZone(groupSnapshot.created_at),
    status: groupSnapshot.status,
  });
  for (const snapshot of snapshots ?? (await db.snapshots.ofGroupSnapshot(groupSnapshot.id))) {
    const volume = await db.volumes.get(snapshot.volume_id);
    if (volume === undefined) continue;
    await notifier.info(context, `snapshot.${host}`, `snapshot.${event}`, snapshotPayload(snapshot, volume));
  }
}
