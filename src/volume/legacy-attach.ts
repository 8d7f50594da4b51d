import { randomUUID } from 'node:crypto';
import { messageOf } from '../base/errors.ts';
import type { VolumeAttachment } from '../objects/attachment.ts';
import { volumeAttachmentCodec } from '../objects/attachment.ts';
import type { RequestContext } from '../objects/context.ts';
import { InvalidUUID, InvalidVolume, InvalidVolumeAttachMode, RemoveExportException } from '../objects/exceptions.ts';
import { looksLikeUuid } from '../objects/uuid.ts';
import { type Volume, volumeCodec } from '../objects/volume.ts';
import { requireVolume } from './loading.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { tellUser, userMessages } from './messages.ts';
import { notifyVolume } from './notifications.ts';

type Args = { readonly manager: VolumeManager; readonly context: RequestContext; readonly signal: AbortSignal };

export interface AttachRequest {
  readonly volume_id: string;
  readonly instance_uuid: string | null;
  readonly host_name: string | null;
  readonly mountpoint: string;
  readonly mode: string;
}

/**
 * Notes that a volume is attached: `os-attach`, and migrations of attached volumes (manager.md §7.8). No driver is asked.
 * Resolves to the VolumeAttachment as an object; repeated for the same instance or host, to the one that there is.
 */
export async function attachVolume({ manager, context, signal }: Args, request: AttachRequest): Promise<unknown> {
  return manager.coordinator.withLock(request.volume_id, () => attach(manager, context, request), signal);
}

async function attach(manager: VolumeManager, context: RequestContext, request: AttachRequest): Promise<unknown> {
  const { db, log } = manager;
  const { mode, instance_uuid } = request;
  const volume = await requireVolume(db, request.volume_id);
  const attachedMode = volume.admin_metadata?.['attached_mode'];
  if (volume.status === 'attaching' && attachedMode && attachedMode !== mode) {
    throw new InvalidVolume({ reason: 'being attached by different mode' });
  }
  const attached_host = request.host_name ? sanitizedHost(request.host_name) : null;
  const existing = (await db.attachments.ofVolume(volume.id)).find(
    (attachment) =>
      attachment.attach_status !== 'detached' &&
      (instance_uuid ? attachment.instance_uuid === instance_uuid : attachment.attached_host === attached_host),
  );
  if (existing !== undefined) {
    await db.volumes.update(volume.id, { status: 'in-use' });
    return encoded(existing, volume);
  }
  if (volume.status === 'in-use' && volume.multiattach !== true && !volume.migration_status) {
    throw new InvalidVolume({ reason: 'volume is already attached and multiple attachments are not enabled' });
  }
  await notifyVolume(manager, context, 'attach.start', volume);
  const id = randomUUID();
  await db.transaction(async (tx) => {
    await tx.attachments.create({ id, volume_id: volume.id, attach_status: 'attaching', attach_mode: mode });
    await tx.volumes.setAdminMetadata(volume.id, 'attached_mode', mode);
  });
  await refuseUnlessPossible(manager, context, volume, id, request);
  await db.attachments.attached(id, {
    instance_uuid,
    attached_host,
    mountpoint: request.mountpoint,
    attach_mode: mode,
    markAttached: true,
  });
  await notifyVolume(manager, context, 'attach.end', await requireVolume(db, volume.id));
  log.log('INFO', { resource: volume.id }, 'Attach volume completed successfully.');
  const made = await db.attachments.get(id);
  // Upstream answers with what it wrote, not with what it reads back: a row that nobody has changed yet.
  return made === undefined ? null : encoded({ ...made, updated_at: null }, volume);
}

/** An attachment that may not be stays as `error_attaching`, and its user is told but for a wrong instance. */
async function refuseUnlessPossible(
  manager: VolumeManager,
  context: RequestContext,
  volume: Volume,
  attachmentId: string,
  { instance_uuid, mode }: AttachRequest,
): Promise<void> {
  const { db, log } = manager;
  const failed = { attach_status: 'error_attaching' } as const;
  if (instance_uuid && !looksLikeUuid(instance_uuid)) {
    await db.attachments.update(attachmentId, failed);
    throw new InvalidUUID({ uuid: instance_uuid });
  }
  try {
    if (volume.admin_metadata?.['readonly'] === 'True' && mode !== 'ro') {
      throw new InvalidVolumeAttachMode({ mode, volume_id: volume.id });
    }
    requireDriver(manager);
  } catch (error) {
    const wrongMode = error instanceof InvalidVolumeAttachMode;
    const message = wrongMode ? userMessages.attachModeInvalid : userMessages.legacyAttachNotReady;
    await tellUser(db, log, context, message, 'VOLUME', volume);
    await db.attachments.update(attachmentId, failed);
    throw error;
  }
}

export interface DetachRequest {
  readonly volume_id: string;
  readonly attachment_id: string | null;
  /** The message may have been carried out already. */
  readonly redelivered: boolean;
}

/** Ends an attachment: `os-detach` and cinder-backup's recovery (manager.md §7.9). Takes the export away. */
export async function detachVolume({ manager, context, signal }: Args, request: DetachRequest): Promise<null> {
  const { volume_id } = request;
  const detach = () => manager.connections.withLock(volume_id, () => end(manager, context, request, signal), signal);
  return manager.coordinator.withLock(`${volume_id}-detach_volume`, detach, signal);
}

async function end(
  manager: VolumeManager,
  context: RequestContext,
  request: DetachRequest,
  signal: AbortSignal,
): Promise<null> {
  const { db, log } = manager;
  const volume = await requireVolume(db, request.volume_id);
  if (request.redelivered && request.attachment_id === null && volume.status !== 'detaching') return null;
  const attachment = await meantBy(manager, volume, request);
  if (attachment === undefined) return null;
  await notifyVolume(manager, context, 'detach.start', volume);
  if (!manager.initialized) await db.attachments.update(attachment.id, { attach_status: 'error_detaching' });
  const driver = requireDriver(manager);
  try {
    await driver.removeExport(volume, signal);
  } catch (error) {
    log.log('ERROR', { error, resource: volume.id }, 'Detach volume failed, due to remove-export failure.');
    throw new RemoveExportException({ volume: volume.id, reason: messageOf(error) }, { cause: error });
  }
  await db.attachments.detached(volume.id, attachment.id);
  await notifyVolume(manager, context, 'detach.end', await requireVolume(db, volume.id));
  log.log('INFO', { resource: volume.id }, 'Detach volume completed successfully.');
  return null;
}

/** The attachment that is to end. Where there is none the volume's statuses are set right, and that is all. */
async function meantBy(
  { db, log }: VolumeManager,
  volume: Volume,
  { attachment_id }: DetachRequest,
): Promise<VolumeAttachment | undefined> {
  if (attachment_id !== null) {
    const attachment = await db.attachments.get(attachment_id);
    if (attachment?.volume_id === volume.id) return attachment;
    log.log('INFO', { resource: volume.id }, 'Volume detach called, but volume not attached.');
    await db.attachments.detached(volume.id, undefined);
    return undefined;
  }
  const [only, ...more] = await db.attachments.ofVolume(volume.id);
  if (more.length > 0) {
    throw new InvalidVolume({
      reason: 'Detach volume failed: More than one attachment, but no attachment_id provided.',
    });
  }
  if (only === undefined) {
    log.log('INFO', { resource: volume.id }, 'Volume detach called, but volume not attached.');
    await db.volumes.update(volume.id, { status: 'available', attach_status: 'detached' });
  }
  return only;
}

/** The object, with the scalar fields of its volume as they stood before (objects.md §8.3). */
function encoded(attachment: VolumeAttachment, volume: Volume): unknown {
  const {
    metadata: _metadata,
    admin_metadata: _admin,
    glance_metadata: _glance,
    volume_type: _type,
    volume_attachment: _attachments,
    group: _group,
    ...scalars
  } = volume;
  return volumeAttachmentCodec.encode({ ...attachment, volume: volumeCodec.encode(scalars) });
}

/** Upstream's `sanitize_hostname`: what a name may not hold is left out (manager.md §7.8). */
function sanitizedHost(name: string): string {
  return [...name]
    .filter((character) => character <= '\u00ff')
    .join('')
    .replace(/[ _]/g, '-')
    .replace(/[^\p{L}\p{N}_.-]+/gu, '')
    .toLowerCase()
    .replace(/^[.-]+|[.-]+$/g, '');
}
