import { accepted, type Cinder } from './cinder.ts';

export interface ApiAttachment {
  readonly id: string;
  /** What a host would connect by, but for the id of the attachment. */
  readonly connection: Readonly<Record<string, unknown>>;
}

/** What a host says of itself. */
const connector = {
  host: 'compute1',
  ip: '192.0.2.77',
  initiator: 'iqn.1993-08.org.debian:01:compute1',
  platform: 'x86_64',
  os_type: 'linux',
  multipath: false,
};

/**
 * Connects a volume to a host: it is `in-use`. There is no instance: the API would ask Nova whether the attachment may go.
 */
export async function attach(cinder: Cinder, volumeId: string): Promise<ApiAttachment> {
  const wanted = { volume_uuid: volumeId, connector };
  const { attachment } = accepted(await cinder.post('/attachments', { attachment: wanted }));
  accepted(await cinder.post(`/attachments/${attachment.id}/action`, { 'os-complete': {} }));
  await cinder.becomes('volumes', volumeId, 'in-use');
  const { attachment_id: _, ...connection } = attachment.connection_info;
  return { id: attachment.id, connection };
}

/** Ends the connection: the volume is `available`. */
export async function detach(cinder: Cinder, volumeId: string, attachmentId: string): Promise<void> {
  accepted(await cinder.delete(`/attachments/${attachmentId}`));
  await cinder.becomes('volumes', volumeId, 'available');
}
