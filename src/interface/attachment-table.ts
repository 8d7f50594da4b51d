import type { VolumeAttachment } from '../objects/attachment.ts';
import type { Stamps } from './row.ts';

export type AttachmentChanges = Partial<Omit<VolumeAttachment, 'id' | 'volume_id' | 'volume' | Stamps>>;

export interface AttachmentTable {
  get(id: string): Promise<VolumeAttachment | undefined>;
  ofVolume(volumeId: string): Promise<readonly VolumeAttachment[]>;
  create(attachment: AttachmentChanges & Pick<VolumeAttachment, 'id' | 'volume_id'>): Promise<void>;
  update(id: string, changes: AttachmentChanges): Promise<boolean>;
  /**
   * `volume_attached` of database.md §4: the attachment, and the volume's two statuses. Throws InvalidUUID,
   * VolumeAttachmentNotFound, VolumeNotFound.
   */
  attached(id: string, by: AttachedBy): Promise<void>;
  /** `volume_detached` of database.md §4, and the end of the admin metadata `attached_mode`. Throws VolumeNotFound. */
  detached(volumeId: string, id: string | undefined): Promise<void>;
  /** Makes the attachments of one volume those of another: the last step of a migration (manager.md §9.3, step 10). */
  move(fromVolumeId: string, toVolumeId: string): Promise<void>;
  /** `attachment_destroy` of database.md §4: for one that never became a connection. False when it was gone. */
  destroy(id: string): Promise<boolean>;
}

export interface AttachedBy {
  readonly instance_uuid: string | null;
  readonly attached_host: string | null;
  readonly mountpoint: string;
  readonly attach_mode: string | null;
  /** False leaves everything at `attaching`: the caller completes it later. */
  readonly markAttached: boolean;
}
