import { repr } from '../base/python-text.ts';
import { utcNow } from '../base/time.ts';
import type { Tables } from '../interface/database.ts';
import type { Notifier } from '../interface/notifier.ts';
import type { RequestContext } from '../objects/context.ts';
import { type ServiceHost, serviceOf } from '../objects/host.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import { attachmentsOf, type Volume } from '../objects/volume.ts';

interface Sender {
  readonly notifier: Notifier;
  readonly host: ServiceHost;
  readonly db: Pick<Tables, 'volumes'>;
}

/** Sends `volume.<event>`; nothing is built while notifications are off (manager.md §14). */
export async function notifyVolume(
  { notifier, db }: Sender,
  context: RequestContext,
  event: string,
  volume: Volume,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  if (!notifier.enabled || volume.host === null) return;
  const publisher =
    event.startsWith('create.') || event.startsWith('manage_existing.') ? volume.host : serviceOf(volume.host);
  const payload = { ...(await volumePayload(db, volume)), ...changes };
  await notifier.info(context, `volume.${publisher}`, `volume.${event}`, payload);
}

/** Sends `snapshot.<event>`. */
export async function notifySnapshot(
  { notifier, host }: Omit<Sender, 'db'>,
  context: RequestContext,
  event: string,
  snapshot: Snapshot,
  volume: Volume,
): Promise<void> {
  if (!notifier.enabled) return;
  await notifier.info(context, `snapshot.${host}`, `snapshot.${event}`, snapshotPayload(snapshot, volume));
}

/** What is told of a volume, with what hangs on it now: of one that is gone that is nothing any more. */
export async function volumePayload(db: Pick<Tables, 'volumes'>, volume: Volume): Promise<Record<string, unknown>> {
  const { row, glance } = await standing(db, volume);
  return {
    tenant_id: volume.project_id,
    host: volume.host,
    user_id: volume.user_id,
    availability_zone: volume.availability_zone,
    volume_id: volume.id,
    volume_type: volume.volume_type_id,
    display_name: volume.display_name,
    // A time that stands in no row has no zone: upstream's own, as recorded.
    launched_at: volume.launched_at === null ? utcNow() : withZone(volume.launched_at),
    created_at: withZone(volume.created_at),
    status: volume.status === 'error_managing_deleting' ? 'deleting' : volume.status,
    snapshot_id: volume.snapshot_id,
    size: volume.size,
    replication_status: volume.replication_status,
    replication_extended_status: volume.replication_extended_status,
    replication_driver_data: volume.replication_driver_data,
    metadata: Object.entries(volume.metadata ?? {}).map(([key, value]) => ({ key, value })),
    volume_attachment: row === undefined ? [] : attachmentRows(row),
    ...(glance.length > 0 && { glance_metadata: glance }),
  };
}

/** A database that is away spoils no operation because of what is told of it: the volume is told of as it was read. */
async function standing(db: Pick<Tables, 'volumes'>, volume: Volume) {
  try {
    const row = await db.volumes.get(volume.id);
    return { row, glance: await db.volumes.glanceMetadataRows({ volume_id: volume.id }) };
  } catch {
    return { row: volume, glance: [] };
  }
}

/** As upstream's rows, each with the row of the volume, but for the secret in that: whoever listens has no use for it. */
function attachmentRows(volume: Volume): Record<string, unknown>[] {
  const { metadata, admin_metadata, glance_metadata, volume_type, volume_attachment, group, ...row } = volume;
  const text = (value: unknown) => (value == null ? null : JSON.stringify(value));
  return attachmentsOf(volume)
    .filter(({ attach_status }) => attach_status !== 'detached')
    .map((attachment) => ({
      ...attachment,
      connection_info: text(attachment.connection_info),
      connector: text(attachment.connector),
      volume: { ...row, provider_auth: null },
    }));
}

export function snapshotPayload(snapshot: Snapshot, volume: Volume): Record<string, unknown> {
  const metadata = snapshot.metadata ?? {};
  return {
    tenant_id: snapshot.project_id,
    user_id: snapshot.user_id,
    availability_zone: volume.availability_zone,
    volume_id: snapshot.volume_id,
    volume_size: snapshot.volume_size,
    snapshot_id: snapshot.id,
    display_name: snapshot.display_name,
    created_at: withZone(snapshot.created_at),
    status: snapshot.status,
    deleted: snapshot.deleted === true ? 'True' : '',
    // Python's spelling of a dictionary, or nothing for an empty one: what upstream puts there.
    metadata: Object.keys(metadata).length === 0 ? '' : repr(metadata),
  };
}

export function withZone(time: string | null): string | null {
  return time === null ? null : `${time}+00:00`;
}
