import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAbort, messageOf } from '../base/errors.ts';
import type { Tables } from '../interface/database.ts';
import type { NewVolume } from '../interface/volume-table.ts';
import type { RequestContext } from '../objects/context.ts';
import { VolumeMigrationFailed } from '../objects/exceptions.ts';
import { serviceOf } from '../objects/host.ts';
import { attachmentsOf, type Volume } from '../objects/volume.ts';
import { completeMigration } from './complete-migration.ts';
import { copyBetween, requireReachable } from './copy-between.ts';
import { requireVolume } from './loading.ts';
import type { VolumeManager } from './manager.ts';
import type { MigrationRequest } from './migration-request.ts';
import { persist } from './persist.ts';

/**
 * Moves a volume by making another one at the destination, copying the data and changing the rows' places (manager.md
 * §9.2). When it resolves the volume is at its destination, its status what it was; or servers use it, Nova copies, and the
 * volume stays `migrating` until Nova says how that has ended (§9.3).
 */
export async function migrateByCopy(
  manager: VolumeManager,
  context: RequestContext,
  volume: Volume,
  request: MigrationRequest,
  signal: AbortSignal,
): Promise<void> {
  const servers = serversOf(volume);
  if (request.difference !== undefined && Object.keys(request.difference.encryption).length > 0) {
    throw new VolumeMigrationFailed({ reason: 'the types differ in encryption, and data are not encrypted anew' });
  }
  if (servers.length === 0) await requireReachable(manager, context, serviceOf(request.host.host), signal);
  const made = await makeDestination(manager, context, volume, request, signal);
  try {
    for (const server of servers) await manager.compute.swapVolume(server, volume.id, made.id, signal);
    if (servers.length > 0) return;
    await copyBetween(manager, context, volume, made, signal);
    await persist(manager, (tx) => tx.volumes.update(volume.id, { migration_status: 'completing' }), signal);
    await completeMigration(manager, context, volume.id, made.id, signal);
  } catch (error) {
    if (signal.aborted && isAbort(error)) throw error;
    await cleanDestination(manager, context, volume.id, made.id);
    throw error;
  }
}

/**
 * What a failed migration leaves at the destination (manager.md §9.4): it goes while the source is the one that counts; from
 * `completing` on it stays, as the source may be gone.
 */
export async function cleanDestination(
  manager: VolumeManager,
  context: RequestContext,
  volumeId: string,
  newVolumeId: string,
): Promise<void> {
  const volume = await manager.db.volumes.get(volumeId);
  const left = await manager.db.volumes.get(newVolumeId);
  if (left === undefined) return;
  if (volume?.migration_status === 'completing') {
    await persist(manager, (tx) => tx.volumes.update(left.id, { migration_status: null }));
    return;
  }
  try {
    if (left.status === 'creating' || left.status === 'error')
      await persist(manager, (tx) => tx.volumes.destroy(left.id));
    else await manager.peers.deleteVolume(context, left);
  } catch (error) {
    const about = { error, resource: left.id };
    manager.log.log('ERROR', about, 'The destination %s of a migration is left: %s', left.id, messageOf(error));
  }
}

/** The servers that use a volume, each of which Nova can have copy it; nobody can have another host do so. */
function serversOf(volume: Volume): readonly string[] {
  return attachmentsOf(volume).map(({ instance_uuid }) => {
    if (instance_uuid) return instance_uuid;
    const reason = 'the volume is attached to a host that is no server of Nova, and nobody copies it under that';
    throw new VolumeMigrationFailed({ reason });
  });
}

/** The destination's row, and the wait until its service has made the volume. */
async function makeDestination(
  manager: VolumeManager,
  context: RequestContext,
  volume: Volume,
  request: MigrationRequest,
  signal: AbortSignal,
): Promise<Volume> {
  const { db, peers, settings } = manager;
  const id = randomUUID();
  const row = await destinationRow(db, id, volume, request);
  const made = await db.transaction(async (tx) => {
    await tx.volumes.create(row);
    return requireVolume(tx, id);
  });
  const deadline = performance.now() + settings.migration_create_volume_timeout_secs * 1000;
  try {
    await peers.createVolume(context, made);
    for (let tries = 1; ; tries++) {
      const { status } = await requireVolume(db, id);
      if (status === 'available') break;
      if (status === 'error') throw new VolumeMigrationFailed({ reason: 'failed to create new_volume on destination' });
      if (performance.now() > deadline) {
        throw new VolumeMigrationFailed({ reason: 'timeout creating new_volume on destination' });
      }
      await sleep(Math.min(tries ** 2 * 1000, 30_000, deadline - performance.now() + 1), undefined, { signal });
    }
  } catch (error) {
    if (signal.aborted && isAbort(error)) throw error;
    await persist(manager, (tx) => tx.volumes.destroy(id));
    throw error;
  }
  const { snapshot_id, source_volid } = volume;
  if (snapshot_id ?? source_volid) await persist(manager, (tx) => tx.volumes.update(id, { snapshot_id, source_volid }));
  return requireVolume(db, id);
}

/** A copy of the volume's row, but for what makes it another one (manager.md §9.2 step 1). */
async function destinationRow(
  db: Pick<Tables, 'services'>,
  id: string,
  volume: Volume,
  { host, newType }: MigrationRequest,
): Promise<NewVolume> {
  const {
    _name_id: _name,
    volume_type: _type,
    volume_attachment: _attachments,
    group: _group,
    glance_metadata: _glance,
    snapshot_id: _snapshot,
    source_volid: _source,
    created_at: _created,
    updated_at: _updated,
    deleted_at: _deletedAt,
    deleted: _deleted,
    volume_type_id,
    ...columns
  } = volume;
  const service = await db.services.find(serviceOf(host.host), 'cinder-volume');
  const typeId = newType?.id ?? volume_type_id;
  return {
    ...columns,
    ...(typeId === null ? {} : { volume_type_id: typeId }),
    id,
    host: host.host,
    cluster_name: host.cluster_name,
    availability_zone: service?.availability_zone ?? volume.availability_zone,
    status: 'creating',
    attach_status: 'detached',
    migration_status: `target:${volume.id}`,
    use_quota: false,
  };
}
