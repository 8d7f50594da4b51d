import { utcNow } from '../base/time.ts';
import type { Tables } from '../interface/database.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import { attachmentsOf, type Volume } from '../objects/volume.ts';
import { CommandError } from './command.ts';
import { findVolume, newName, newSize, newText } from './names.ts';
import { request, volumeArgs } from './requests.ts';
import type { Session } from './session.ts';
import { propertiesOf } from './volume-create.ts';

/** States from which the API lets a volume be deleted. */
const deletable = ['available', 'error', 'error_restoring', 'error_extending', 'error_managing', 'error_deleting'];

/** Asks the volume's service to delete it. With `cascade` its snapshots go with it. */
export async function deleteVolume(session: Session, nameOrId: string, cascade: boolean): Promise<Volume> {
  const { db } = session;
  const volume = await findVolume(db, nameOrId);
  const snapshots = await db.snapshots.ofVolume(volume.id);
  if (volume.attach_status === 'attached' || attachmentsOf(volume).length > 0) {
    throw new CommandError(`volume ${volume.id} is attached; disconnect it first`);
  }
  requireStatus(volume, deletable);
  if (snapshots.length > 0 && !cascade) {
    throw new CommandError(
      `volume ${volume.id} has ${snapshots.length} snapshots; delete them first, or use --cascade`,
    );
  }
  const busy = snapshots.find(({ status }) => !['available', 'error', 'error_deleting', 'deleting'].includes(status));
  if (busy !== undefined) throw new CommandError(`snapshot ${busy.id} is ${busy.status}; wait for its end`);
  if (volume.host === null) {
    await db.volumes.destroy(volume.id);
    return volume;
  }
  await request(session, {
    host: volume.host,
    method: 'delete_volume',
    async prepare(tx) {
      await claimStatus(tx, volume, { status: 'deleting', previous_status: volume.status, terminated_at: utcNow() });
      await requireSameSnapshots(tx, volume, snapshots);
      for (const snapshot of snapshots) await tx.snapshots.update(snapshot.id, { status: 'deleting' });
      await tx.workers.handOver(keyOf(volume), 'deleting');
      return volumeArgs({ ...volume, status: 'deleting' }, { unmanage_only: false, cascade });
    },
    async undo(tx) {
      if (!(await tx.workers.withdraw(keyOf(volume)))) return false;
      for (const snapshot of snapshots) await tx.snapshots.update(snapshot.id, { status: snapshot.status });
      return tx.volumes.update(volume.id, { status: volume.status, terminated_at: null }, ['deleting']);
    },
  });
  return volume;
}

/** Asks the volume's service to grow it. */
export async function extendVolume(session: Session, nameOrId: string, sizeText: string): Promise<Volume> {
  const size = newSize(sizeText);
  const volume = await findVolume(session.db, nameOrId);
  requireStatus(volume, ['available', 'in-use']);
  if (size <= volume.size) {
    throw new CommandError(
      `the new size ${size} GiB is not more than the present ${volume.size} GiB of volume ${volume.id}`,
    );
  }
  if (volume.host === null) throw new CommandError(`volume ${volume.id} has no host`);
  await request(session, {
    host: volume.host,
    method: 'extend_volume',
    async prepare(tx) {
      await claimStatus(tx, volume, { status: 'extending', previous_status: volume.status });
      return volumeArgs({ ...volume, status: 'extending' }, { new_size: size, reservations: [] });
    },
    async undo(tx) {
      if ((await tx.workers.find(keyOf(volume))) !== undefined) return false;
      return tx.volumes.update(volume.id, { status: volume.status }, ['extending']);
    },
  });
  // A message that comes late is accepted, too, and dropped where the request was taken back meanwhile (manager.md §2.6).
  const now = await session.db.volumes.get(volume.id);
  if (now?.status === volume.status && now.size < size) {
    throw new CommandError(`the request reached ${volume.host} too late, and was taken back; nothing was changed`);
  }
  return volume;
}

export interface SetOptions {
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly property: readonly string[];
  readonly state: string | undefined;
}

/** Changes what the row says, and nothing on the backend. */
export async function setVolume({ db }: Session, nameOrId: string, options: SetOptions): Promise<void> {
  const volume = await findVolume(db, nameOrId);
  const properties = propertiesOf(options.property);
  if ((await db.workers.find(keyOf(volume))) !== undefined && options.state !== undefined) {
    throw new CommandError(`volume ${volume.id} is being worked on; its state cannot be set now`);
  }
  await db.volumes.update(volume.id, {
    ...(options.name === undefined ? {} : { display_name: newName(options.name) }),
    ...(options.description === undefined
      ? {}
      : { display_description: newText('the description', options.description) }),
    ...(options.property.length === 0 ? {} : { metadata: { ...volume.metadata, ...properties } }),
    ...(options.state === undefined ? {} : { status: options.state }),
  });
}

/** The snapshots that go with a volume are those that were looked at: somebody may have asked for one meanwhile. */
async function requireSameSnapshots(tx: Tables, volume: Volume, seen: readonly Snapshot[]): Promise<void> {
  const now = await tx.snapshots.ofVolume(volume.id);
  const isSame = ({ id, status }: Snapshot): boolean => seen.some((one) => one.id === id && one.status === status);
  if (now.length !== seen.length || !now.every(isSame)) {
    throw new CommandError(`the snapshots of volume ${volume.id} are other ones now; look again`);
  }
}

/** Moves the status if it is still what we saw: somebody else may have asked for something meanwhile. */
async function claimStatus(
  tx: Tables,
  volume: Volume,
  changes: Parameters<Tables['volumes']['update']>[1],
): Promise<void> {
  if (!(await tx.volumes.update(volume.id, changes, [volume.status]))) {
    throw new CommandError(`volume ${volume.id} is ${volume.status} no more; look again`);
  }
}

function requireStatus(volume: Volume, allowed: readonly string[]): void {
  if (!allowed.includes(volume.status)) {
    throw new CommandError(`volume ${volume.id} is ${volume.status}; it must be ${allowed.join(' or ')}`);
  }
}

function keyOf({ id }: Volume) {
  return { type: 'Volume', id } as const;
}
