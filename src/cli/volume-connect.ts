import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { isAbort, messageOf } from '../base/errors.ts';
import { isRecord } from '../objects/versioned-object.ts';
import { attachmentsOf, type Volume, volumeCodec } from '../objects/volume.ts';
import { CommandError } from './command.ts';
import { findVolume } from './names.ts';
import type { Session } from './session.ts';

/** Makes an attachment for an initiator, as the API does in three steps, and resolves to the connection_info. */
export async function connectVolume(
  session: Session,
  nameOrId: string,
  initiator: string,
): Promise<Record<string, unknown>> {
  const { db } = session;
  const volume = await findVolume(db, nameOrId);
  const connector = connectorOf(session, initiator);
  const multiattach = volume.multiattach === true && volume.status === 'in-use';
  if (volume.status !== 'available' && !multiattach) {
    throw new CommandError(`volume ${volume.id} is ${volume.status}; it must be available`);
  }
  const id = randomUUID();
  await db.transaction(async (tx) => {
    if (
      !(await tx.volumes.update(volume.id, { status: 'reserved', previous_status: volume.status }, [volume.status]))
    ) {
      throw new CommandError(`volume ${volume.id} is ${volume.status} no more; look again`);
    }
    await tx.attachments.create({ id, volume_id: volume.id, attach_status: 'reserved', attach_mode: 'rw' });
  });
  try {
    const reserved = { ...volume, status: 'reserved' };
    const args = { vref: volumeCodec.encode(reserved), connector, attachment_id: id };
    const info = await session.call(hostOf(volume), { method: 'attachment_update', args, version: '3.9' });
    if (!isRecord(info)) throw new CommandError('the service gave no connection_info');
    await complete(session, volume, id, info, connector);
    return info;
  } catch (error) {
    await takeBack(session, volume, id);
    throw failure(`volume ${volume.id} could not be connected`, error);
  }
}

/** Ends the attachment of an initiator. One that is gone already is an error that names what there is. */
export async function disconnectVolume(session: Session, nameOrId: string, initiator: string): Promise<void> {
  const { db } = session;
  const volume = await findVolume(db, nameOrId);
  const all = attachmentsOf(volume);
  const attachment = all.find(({ connector }) => connector?.['initiator'] === initiator);
  if (attachment?.id === undefined) {
    const others = all.map(({ connector }) => String(connector?.['initiator'])).join(', ') || 'nobody';
    throw new CommandError(`volume ${volume.id} is not connected to ${initiator}; it is connected to ${others}`);
  }
  await db.volumes.update(volume.id, { status: 'detaching' }, ['in-use']);
  try {
    await session.call(hostOf(volume), endOf(volume, attachment.id));
  } catch (error) {
    await db.volumes.update(volume.id, { status: 'in-use' }, ['detaching']);
    throw failure(`volume ${volume.id} could not be disconnected`, error);
  }
  await db.attachments.detached(volume.id, attachment.id);
}

function failure(what: string, error: unknown): CommandError {
  const why = isAbort(error) ? 'interrupted' : messageOf(error);
  return new CommandError(`${what}: ${why}`, error instanceof CommandError ? error.exitCode : 1, { cause: error });
}

/** Seconds for a service that may be gone to take back what it may have done. */
const takeBackWithin = 10;

/** The attachment was not made, or not told to us: the service ends what there is of it, if it still can. */
async function takeBack(session: Session, volume: Volume, id: string): Promise<void> {
  const terms = { timeout: takeBackWithin, signal: AbortSignal.timeout(takeBackWithin * 1000) };
  await session.call(hostOf(volume), endOf(volume, id), terms).catch(() => {});
  await session.db.attachments.detached(volume.id, id);
}

function endOf(volume: Volume, attachment_id: string) {
  return { method: 'attachment_delete', args: { attachment_id, vref: volumeCodec.encode(volume) }, version: '3.9' };
}

async function complete(
  { db }: Session,
  volume: Volume,
  id: string,
  connection_info: Readonly<Record<string, unknown>>,
  connector: Readonly<Record<string, unknown>>,
): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.attachments.update(id, { connection_info, connector });
    await tx.attachments.attached(id, {
      instance_uuid: null,
      attached_host: String(connector['host']),
      mountpoint: String(connector['mountpoint']),
      attach_mode: 'rw',
      markAttached: true,
    });
  });
  await db.volumes.settleStatus(volume.id);
}

function connectorOf(session: Session, initiator: string): Record<string, unknown> {
  if (
    !/^(iqn\.\d{4}-\d{2}\.[\w.:-]+|eui\.[0-9A-Fa-f]{16}|naa\.[0-9A-Fa-f]{16,32})$/.test(initiator) ||
    initiator.length > 223
  ) {
    throw new CommandError(`'${initiator}' is no initiator name: expected iqn.YYYY-MM.domain:name, eui.… or naa.…`, 2);
  }
  return {
    host: hostname(),
    ip: session.address,
    initiator,
    multipath: false,
    platform: process.arch,
    os_type: process.platform,
    mountpoint: 'na',
  };
}

function hostOf(volume: Volume): string {
  if (volume.host === null) throw new CommandError(`volume ${volume.id} has no host`);
  return volume.host;
}
