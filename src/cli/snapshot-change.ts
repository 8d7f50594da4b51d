import { randomUUID } from 'node:crypto';
import type { Snapshot } from '../objects/snapshot.ts';
import type { Volume } from '../objects/volume.ts';
import type { Cell } from './cells.ts';
import { CommandError } from './command.ts';
import { findSnapshot, findVolume, newName, newText } from './names.ts';
import { request, snapshotArgs } from './requests.ts';
import type { Session } from './session.ts';

export interface SnapshotOptions {
  readonly name: string | undefined;
  readonly volume: string;
  readonly description: string | undefined;
  readonly force: boolean;
}

/** Writes the snapshot's row and hands the create to the volume's service. Resolves to the row, still `creating`. */
export async function createSnapshot(session: Session, options: SnapshotOptions): Promise<Snapshot> {
  const { db } = session;
  const name = newName(options.name);
  const description = newText('the description', options.description);
  const volume = await findVolume(db, options.volume);
  const allowed = options.force ? ['available', 'in-use'] : ['available'];
  if (!allowed.includes(volume.status)) {
    const hint = volume.status === 'in-use' ? '; use --force for a volume in use' : '';
    throw new CommandError(`volume ${volume.id} is ${volume.status}; it must be ${allowed.join(' or ')}${hint}`);
  }
  const id = randomUUID();
  const key = { type: 'Snapshot', id } as const;
  await request(session, {
    host: hostOf(volume),
    method: 'create_snapshot',
    async prepare(tx) {
      const current = await tx.volumes.get(volume.id);
      if (current?.status !== volume.status)
        throw new CommandError(`volume ${volume.id} is ${volume.status} no more; look again`);
      await tx.snapshots.create({
        id,
        volume_id: volume.id,
        volume_size: volume.size,
        volume_type_id: volume.volume_type_id,
        status: 'creating',
        progress: '0%',
        display_name: name,
        display_description: description,
        ...session.owner,
      });
      await tx.workers.handOver(key, 'creating');
      return snapshotArgs(await written(tx.snapshots.get(id), id), volume);
    },
    async undo(tx) {
      if (!(await tx.workers.withdraw(key))) return false;
      return tx.snapshots.destroy(id);
    },
  });
  return { ...(await written(db.snapshots.get(id), id)), status: 'creating' };
}

/** Asks the volume's service to delete a snapshot. */
export async function deleteSnapshot(session: Session, nameOrId: string): Promise<Snapshot> {
  const { db } = session;
  const snapshot = await findSnapshot(db, nameOrId);
  const allowed = ['available', 'error', 'error_deleting'] as const;
  if (!allowed.some((status) => status === snapshot.status)) {
    throw new CommandError(`snapshot ${snapshot.id} is ${snapshot.status}; it must be ${allowed.join(' or ')}`);
  }
  const volume = await db.volumes.get(snapshot.volume_id);
  if (volume === undefined) throw new CommandError(`the volume of snapshot ${snapshot.id} is gone`);
  const key = { type: 'Snapshot', id: snapshot.id } as const;
  await request(session, {
    host: hostOf(volume),
    method: 'delete_snapshot',
    async prepare(tx) {
      if (!(await tx.snapshots.update(snapshot.id, { status: 'deleting' }, [snapshot.status]))) {
        throw new CommandError(`snapshot ${snapshot.id} is ${snapshot.status} no more; look again`);
      }
      await tx.workers.handOver(key, 'deleting');
      return snapshotArgs({ ...snapshot, status: 'deleting' }, volume, { unmanage_only: false });
    },
    async undo(tx) {
      if (!(await tx.workers.withdraw(key))) return false;
      return tx.snapshots.update(snapshot.id, { status: snapshot.status }, ['deleting']);
    },
  });
  return snapshot;
}

export const snapshotTitles = ['ID', 'Name', 'Description', 'Status', 'Size'] as const;

export function snapshotRow(snapshot: Snapshot): readonly Cell[] {
  const { id, display_name, display_description, status, volume_size } = snapshot;
  return [id, display_name ?? '', display_description, status, volume_size];
}

export function snapshotFields(snapshot: Snapshot): readonly (readonly [string, Cell])[] {
  return [
    ['created_at', snapshot.created_at],
    ['description', snapshot.display_description],
    ['id', snapshot.id],
    ['name', snapshot.display_name],
    ['progress', snapshot.progress],
    ['properties', { ...snapshot.metadata }],
    ['size', snapshot.volume_size],
    ['status', snapshot.status],
    ['updated_at', snapshot.updated_at],
    ['volume_id', snapshot.volume_id],
  ];
}

async function written(row: Promise<Snapshot | undefined>, id: string): Promise<Snapshot> {
  const snapshot = await row;
  if (snapshot === undefined) throw new CommandError(`snapshot ${id} is gone: its create failed and was taken back`);
  return snapshot;
}

function hostOf(volume: Volume): string {
  if (volume.host === null) throw new CommandError(`volume ${volume.id} has no host`);
  return volume.host;
}
