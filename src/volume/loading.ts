import type { Tables } from '../interface/database.ts';
import type { VolumeAttachment } from '../objects/attachment.ts';
import { SnapshotNotFound, VolumeAttachmentNotFound, VolumeNotFound } from '../objects/exceptions.ts';
import type { Volume } from '../objects/volume.ts';
import { loadSnapshot, type SnapshotOfVolume } from './resources.ts';

/** The row as it stands; throws VolumeNotFound. */
export async function requireVolume(tx: Tables, volumeId: string): Promise<Volume> {
  const volume = await tx.volumes.get(volumeId);
  if (volume === undefined) throw new VolumeNotFound({ volume_id: volumeId });
  return volume;
}

/** A snapshot with its volume; throws SnapshotNotFound. */
export async function requireSnapshot(tx: Tables, snapshotId: string): Promise<SnapshotOfVolume> {
  const found = await loadSnapshot(tx, snapshotId);
  if (found === undefined) throw new SnapshotNotFound({ snapshot_id: snapshotId });
  return found;
}

/** Throws VolumeAttachmentNotFound. */
export async function requireAttachment(tx: Tables, attachmentId: string): Promise<VolumeAttachment> {
  const attachment = await tx.attachments.get(attachmentId);
  if (attachment === undefined) throw new VolumeAttachmentNotFound({ filter: `attachment_id = ${attachmentId}` });
  return attachment;
}
