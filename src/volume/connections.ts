import { isAbort, messageOf } from '../base/errors.ts';
import type { ConnectionInfo, Connector, ModelUpdate } from '../interface/volume-driver.ts';
import type { RequestContext } from '../objects/context.ts';
import { ExportFailure, VolumeBackendAPIException } from '../objects/exceptions.ts';
import type { Volume } from '../objects/volume.ts';
import { asBackendFailure, validateConnector } from './backend-failure.ts';
import { completeConnection } from './connection-info.ts';
import { requireAttachment, requireVolume } from './loading.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { tellUser, userMessages } from './messages.ts';
import { writeUpdate } from './model-update.ts';
import { notifyVolume } from './notifications.ts';

type Args = { readonly manager: VolumeManager; readonly context: RequestContext; readonly signal: AbortSignal };

/**
 * Connects a host to a volume for an attachment (manager.md §7.1). Resolves to the flat connection_info that the API
 * stores; the volume is `attaching` then. Repeated, it gives the same and changes nothing more (rpc.md R-05).
 */
export async function attachmentUpdate(
  { manager, context, signal }: Args,
  volumeId: string,
  given: Connector,
  attachmentId: string,
): Promise<Readonly<Record<string, unknown>>> {
  return manager.connections.withLock(
    volumeId,
    async () => {
      const { db, log } = manager;
      const volume = await requireVolume(manager.db, volumeId);
      const attachment = await requireAttachment(manager.db, attachmentId);
      await notifyVolume(manager, context, 'attach.start', volume);
      const mode = attachment.attach_mode === 'null' ? textIn(given, 'mode', 'rw') : attachment.attach_mode;
      const connector = attachment.attach_mode === 'null' ? given : { ...given, mode };
      if (!manager.initialized) {
        await tellUser(db, log, context, userMessages.attachDriverNotReady, 'VOLUME', volume);
        await db.attachments.update(attachmentId, { attach_status: 'error_attaching' });
      }
      const info = await connect({ manager, context, signal }, volume, connector);
      await db.transaction(async (tx) => {
        await tx.attachments.update(attachmentId, { attach_status: 'attaching', connector });
        await tx.attachments.attached(attachmentId, {
          instance_uuid: attachment.instance_uuid,
          attached_host: textIn(connector, 'host', ''),
          mountpoint: textIn(connector, 'mountpoint', 'na'),
          attach_mode: mode,
          markAttached: false,
        });
      });
      log.log('INFO', { resource: volume.id }, 'attachment_update completed successfully.');
      const { data, ...rest } = info;
      return { ...data, ...rest, attachment_id: attachmentId };
    },
    signal,
  );
}

/** Ends the connection of an attachment; the API removes the attachment itself (manager.md §7.2). */
export async function attachmentDelete(
  { manager, context, signal }: Args,
  attachmentId: string,
  volumeId: string,
): Promise<null> {
  return manager.connections.withLock(
    volumeId,
    async () => {
      const driver = requireDriver(manager);
      const attachment = await requireAttachment(manager.db, attachmentId);
      const volume = await requireVolume(manager.db, volumeId);
      await notifyVolume(manager, context, 'detach.start', volume);
      if (attachment.connector === null) return null;
      const connector = attachment.connector;
      const shared = await asBackendFailure('Terminate volume connection failed', () =>
        driver.terminateConnection(volume, connector, signal),
      );
      if (!shared) {
        try {
          await driver.removeExport(volume, signal);
        } catch (error) {
          manager.log.log(
            'WARNING',
            { error, resource: volume.id },
            'The export of volume %s was not removed',
            volume.id,
          );
        }
      }
      return null;
    },
    signal,
  );
}

/** Prepares a volume for a host, without an attachment (manager.md §7.4). */
export async function initializeConnection(
  args: Args,
  volumeId: string,
  connector: Connector,
): Promise<ConnectionInfo> {
  const { manager, signal } = args;
  return manager.connections.withLock(
    volumeId,
    async () => {
      requireDriver(manager);
      const info = await connect(args, await requireVolume(manager.db, volumeId), connector);
      manager.log.log('INFO', { resource: volumeId }, 'Initialize volume connection completed successfully.');
      return info;
    },
    signal,
  );
}

/** Ends the connection of one host, or of every host where the connector is null (manager.md §7.5). */
export async function terminateConnection(
  { manager, signal }: Args,
  volumeId: string,
  connector: Connector | undefined,
): Promise<null> {
  return manager.connections.withLock(
    volumeId,
    async () => {
      const driver = requireDriver(manager);
      const volume = await requireVolume(manager.db, volumeId);
      await asBackendFailure('Terminate volume connection failed', () =>
        driver.terminateConnection(volume, connector, signal),
      );
      manager.log.log('INFO', { resource: volumeId }, 'Terminate volume connection completed successfully.');
      return null;
    },
    signal,
  );
}

/** Takes the export of a volume away (manager.md §7.6). */
export async function removeExport({ manager, signal }: Args, volumeId: string): Promise<null> {
  return manager.connections.withLock(
    volumeId,
    async () => {
      const driver = requireDriver(manager);
      const volume = await requireVolume(manager.db, volumeId);
      await asBackendFailure('Remove volume export failed', () => driver.removeExport(volume, signal));
      manager.log.log('INFO', { resource: volumeId }, 'Remove volume export completed successfully.');
      return null;
    },
    signal,
  );
}

/** Checks the connector, makes the export, asks for the connection and completes it. A failure takes the export back. */
async function connect({ manager, signal }: Args, volume: Volume, connector: Connector): Promise<ConnectionInfo> {
  const driver = requireDriver(manager);
  validateConnector(manager, connector, 'volume');
  const update = await asBackendFailure('Create export for volume failed', () =>
    driver.createExport(volume, connector, signal),
  );
  const exported = await saveExport(manager, volume, update, signal);
  try {
    const info = await driver.initializeConnection(exported, connector, signal);
    return await completeConnection(manager.db, manager.settings, exported, info);
  } catch (error) {
    if (isAbort(error)) throw error;
    await driver.removeExport(exported, signal);
    const data = `Driver initialize connection failed (error: ${messageOf(error)}).`;
    throw new VolumeBackendAPIException({ data }, { cause: error });
  }
}

async function saveExport(
  manager: VolumeManager,
  volume: Volume,
  update: ModelUpdate,
  signal: AbortSignal,
): Promise<Volume> {
  if (Object.keys(update).length === 0) return volume;
  try {
    await manager.db.transaction((tx) => writeUpdate(tx, volume, update, {}));
    return { ...volume, ...update };
  } catch (error) {
    try {
      await manager.driver.removeExport(volume, signal);
    } catch (failure) {
      manager.log.log(
        'WARNING',
        { error: failure, resource: volume.id },
        'The export of volume %s was not removed',
        volume.id,
      );
    }
    throw new ExportFailure({ reason: messageOf(error) }, { cause: error });
  }
}

function textIn(connector: Connector, key: string, otherwise: string): string {
  const value = connector[key];
  return typeof value === 'string' && value !== '' ? value : otherwise;
}
