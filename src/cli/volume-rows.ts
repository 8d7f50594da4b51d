import type { Volume } from '../objects/volume.ts';
import { attachmentsOf } from '../objects/volume.ts';
import type { Cell } from './cells.ts';

/** The name of the type that a volume gets when nobody names one; the openstack client's users know it as none. */
const defaultType = '__DEFAULT__';

type Fields = readonly (readonly [string, Cell])[];

/** What `volume create` answers: the fields of the openstack client, with the volume as it was accepted. */
export function createdFields(volume: Volume): Fields {
  return [
    ['attachments', attachmentCells(volume)],
    ['availability_zone', volume.availability_zone],
    ['bootable', String(volume.bootable === true)],
    ['created_at', volume.created_at],
    ['id', volume.id],
    ['name', volume.display_name],
    ['size', volume.size],
    ['status', volume.status],
    ['type', typeName(volume)],
  ];
}

/** What `volume show` answers: the same, and what an operator asks for next. */
export function shownFields(volume: Volume): Fields {
  return [
    ...createdFields(volume),
    ['description', volume.display_description],
    ['encrypted', volume.encryption_key_id !== null],
    ['host', volume.host],
    ['migration_status', volume.migration_status],
    ['multiattach', volume.multiattach === true],
    ['properties', { ...volume.metadata }],
    ['provider_location', volume.provider_location],
    ['snapshot_id', volume.snapshot_id],
    ['source_volid', volume.source_volid],
    ['updated_at', volume.updated_at],
    ['user_id', volume.user_id],
  ].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)) as Fields;
}

export const listTitles = ['ID', 'Name', 'Status', 'Size', 'Attached to'] as const;

export function listRow(volume: Volume): readonly Cell[] {
  return [volume.id, volume.display_name ?? '', volume.status, volume.size, attachmentCells(volume)];
}

function attachmentCells(volume: Volume): readonly Cell[] {
  return attachmentsOf(volume).map((attachment) => ({
    id: attachment.id ?? null,
    volume_id: volume.id,
    host: attachment.attached_host ?? null,
    instance: attachment.instance_uuid ?? null,
    device: attachment.mountpoint ?? null,
    status: attachment.attach_status ?? null,
  }));
}

function typeName(volume: Volume): string | null {
  const name = volume.volume_type?.name ?? null;
  return name === defaultType ? null : name;
}
