import { randomUUID } from 'node:crypto';
import { utcNow } from '../base/time.ts';
import type { Tables } from '../interface/database.ts';
import { poolHost, serviceOf } from '../objects/host.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import type { Volume } from '../objects/volume.ts';
import { chooseBackend } from './backend-choice.ts';
import { CommandError } from './command.ts';
import { findSnapshot, findVolume, newName, newSize, newText } from './names.ts';
import { createArgs, request } from './requests.ts';
import type { Session } from './session.ts';

export interface CreateOptions {
  readonly name: string | undefined;
  readonly size: string | undefined;
  readonly snapshot: string | undefined;
  readonly source: string | undefined;
  readonly backend: string | undefined;
  readonly description: string | undefined;
  readonly property: readonly string[];
}

/** Writes the volume's row and hands the create to its backend. Resolves to the row, still `creating`. */
export async function createVolume(session: Session, options: CreateOptions): Promise<Volume> {
  const name = newName(options.name);
  const source = await sourceOf(session, options);
  const size = sizeOf(options, source);
  const metadata = propertiesOf(options.property);
  const description = newText('the description', options.description);
  const place = await chooseBackend(session, options.backend ?? source?.backend, size);
  const id = randomUUID();
  await request(session, {
    host: place.host,
    method: 'create_volume',
    async prepare(tx) {
      await tx.volumes.create({
        id,
        size,
        status: 'creating',
        attach_status: 'detached',
        display_name: name,
        display_description: description,
        host: poolHost(serviceOf(place.host), place.pool),
        availability_zone: place.zone,
        scheduled_at: utcNow(),
        snapshot_id: source?.snapshotId ?? null,
        source_volid: source?.volumeId ?? null,
        metadata,
        ...(source === undefined ? { admin_metadata: { create_request: 'raw' } } : {}),
        ...session.owner,
      });
      await tx.workers.handOver({ type: 'Volume', id }, 'creating');
      return createArgs(await written(tx, id));
    },
    async undo(tx) {
      if (!(await tx.workers.withdraw({ type: 'Volume', id }))) return false;
      return tx.volumes.destroy(id);
    },
  });
  return { ...(await written(session.db, id)), status: 'creating' };
}

interface Source {
  readonly size: number;
  readonly backend: string;
  readonly snapshotId?: string;
  readonly volumeId?: string;
}

async function sourceOf(session: Session, { snapshot, source }: CreateOptions): Promise<Source | undefined> {
  if (snapshot !== undefined && source !== undefined) {
    throw new CommandError('a volume has one source: --snapshot or --source', 2);
  }
  if (snapshot !== undefined) return fromSnapshot(session, await findSnapshot(session.db, snapshot));
  if (source !== undefined) return fromVolume(await findVolume(session.db, source));
  return undefined;
}

async function fromSnapshot({ db }: Session, snapshot: Snapshot): Promise<Source> {
  if (snapshot.status !== 'available') {
    throw new CommandError(`snapshot ${snapshot.id} is ${snapshot.status}; it must be available`);
  }
  const volume = await db.volumes.get(snapshot.volume_id);
  if (volume === undefined) throw new CommandError(`the volume of snapshot ${snapshot.id} is gone`);
  return { size: snapshot.volume_size, backend: homeOf(volume), snapshotId: snapshot.id };
}

function fromVolume(volume: Volume): Source {
  if (!['available', 'in-use'].includes(volume.status)) {
    throw new CommandError(`volume ${volume.id} is ${volume.status}; it must be available or in-use`);
  }
  return { size: volume.size, backend: homeOf(volume), volumeId: volume.id };
}

function homeOf(volume: Volume): string {
  if (volume.host === null) throw new CommandError(`volume ${volume.id} has no host yet`);
  return serviceOf(volume.host);
}

function sizeOf({ size }: CreateOptions, source: Source | undefined): number {
  if (size === undefined) {
    if (source === undefined)
      throw new CommandError('--size is required when neither --snapshot nor --source is given', 2);
    return source.size;
  }
  const gigabytes = newSize(size);
  if (source !== undefined && gigabytes < source.size) {
    throw new CommandError(`the size ${gigabytes} GiB is less than the source's ${source.size} GiB`);
  }
  return gigabytes;
}

/** `key=value` each. */
export function propertiesOf(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=');
      if (at < 1) throw new CommandError(`--property '${text}': expected key=value`, 2);
      const [key, value] = [text.slice(0, at), text.slice(at + 1)];
      newText("the property's key", key);
      newText("the property's value", value);
      return [key, value];
    }),
  );
}

async function written(tables: Pick<Tables, 'volumes'>, id: string): Promise<Volume> {
  const volume = await tables.volumes.get(id);
  if (volume === undefined) throw new CommandError(`volume ${id} is gone: its create failed and was taken back`);
  return volume;
}
