import { randomUUID } from 'node:crypto';
import type { VolumeAttachment } from '../../src/objects/attachment.ts';
import type { Snapshot } from '../../src/objects/snapshot.ts';
import type { Volume } from '../../src/objects/volume.ts';

/** A volume of 1 GiB that is being created, with what the test cares about. */
export function aVolume(given: Partial<Volume> = {}): Volume {
  return {
    id: randomUUID(),
    _name_id: null,
    ec2_id: null,
    user_id: 'user',
    project_id: 'project',
    use_quota: true,
    snapshot_id: null,
    cluster_name: null,
    host: 'node@backend#pool',
    size: 1,
    availability_zone: 'nova',
    status: 'creating',
    attach_status: 'detached',
    migration_status: null,
    scheduled_at: null,
    launched_at: null,
    terminated_at: null,
    display_name: null,
    display_description: null,
    provider_id: null,
    provider_location: null,
    provider_auth: null,
    provider_geometry: null,
    volume_type_id: null,
    source_volid: null,
    encryption_key_id: null,
    consistencygroup_id: null,
    group_id: null,
    deleted: false,
    bootable: false,
    multiattach: false,
    replication_status: null,
    replication_extended_status: null,
    replication_driver_data: null,
    previous_status: null,
    service_uuid: null,
    shared_targets: null,
    created_at: null,
    updated_at: null,
    deleted_at: null,
    ...given,
  };
}

/** A snapshot of `volume`, of its size. */
export function aSnapshot(volume: Volume, given: Partial<Snapshot> = {}): Snapshot {
  return {
    id: randomUUID(),
    user_id: volume.user_id,
    project_id: volume.project_id,
    use_quota: true,
    volume_id: volume.id,
    cgsnapshot_id: null,
    group_snapshot_id: null,
    status: 'creating',
    progress: null,
    volume_size: volume.size,
    display_name: null,
    display_description: null,
    encryption_key_id: null,
    volume_type_id: null,
    provider_location: null,
    provider_id: null,
    provider_auth: null,
    created_at: null,
    updated_at: null,
    deleted_at: null,
    deleted: false,
    ...given,
  };
}

/** A volume that hosts are attached to, one attachment a connector. */
export function attached(volume: Volume, connectors: readonly Readonly<Record<string, unknown>>[]): Volume {
  const objects = connectors.map(
    (connector): Partial<VolumeAttachment> => ({
      id: randomUUID(),
      volume_id: volume.id,
      attach_status: 'attached',
      connector: connector as NonNullable<VolumeAttachment['connector']>,
      deleted: false,
    }),
  );
  return { ...volume, status: 'in-use', attach_status: 'attached', volume_attachment: { objects } };
}
