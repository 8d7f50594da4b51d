import { randomUUID } from 'node:crypto';
import type { NewVolume } from '../interface/volume-table.ts';
import { contextFor, type RequestContext } from '../objects/context.ts';
import { InvalidVolume } from '../objects/exceptions.ts';
import { requestSpecFromPrimitive } from '../objects/request-spec.ts';
import type { Volume } from '../objects/volume.ts';
import type { Work } from './claim.ts';
import type { CreateRequest } from './create-request.ts';
import { deleteVolume } from './delete-volume.ts';
import type { VolumeManager } from './manager.ts';
import { typedDeltas } from './quota.ts';
import { volumeKey } from './resources.ts';

/** Who owns what the service makes for itself. */
export interface Tenant {
  readonly user_id: string;
  readonly project_id: string;
}

/** How a volume is made: handed in, so that making one may need others to be made. */
export type MakeVolume = (context: RequestContext, work: Work<Volume>, request: CreateRequest) => Promise<unknown>;

/** The project that the configuration names for such volumes; undefined where it names none. */
export function internalTenant({ settings }: Pick<VolumeManager, 'settings'>): Tenant | undefined {
  const { cinder_internal_tenant_project_id: project_id, cinder_internal_tenant_user_id: user_id } = settings;
  return project_id && user_id ? { project_id, user_id } : undefined;
}

/**
 * Clones a volume to keep its data as an image (manager.md §4.6): an ordinary volume of `owner`, within its quota, that is
 * read-only to hosts. Row, quota and claim are one transaction, so that a crash leaves nothing that nobody finishes.
 */
export async function cloneAsImage(
  manager: VolumeManager,
  source: Volume,
  owner: Tenant,
  details: Pick<NewVolume, 'display_name' | 'metadata'>,
  make: MakeVolume,
  signal: AbortSignal,
): Promise<Volume> {
  const { db, claims, service } = manager;
  const id = randomUUID();
  const key = volumeKey(id);
  const claim = await db.transaction(async (tx) => {
    const deltas = await typedDeltas(tx, { volumes: 1, gigabytes: source.size }, source.volume_type_id);
    await tx.quotas.commit(await tx.quotas.reserve(deltas, owner.project_id), owner.project_id);
    await tx.volumes.create({ ...inheritedBy(source), ...owner, ...details, id });
    return tx.workers.insert(key, 'creating', service.id);
  });
  const made = await db.volumes.get(id);
  if (claim === undefined || made === undefined) throw new Error(`the row of image volume ${id} is gone already`);
  const request = {
    request_spec: { ...requestSpecFromPrimitive(null), source_volid: source.id },
    filter_properties: {},
    allow_reschedule: false,
  };
  const held = claims.hold(claim, made);
  try {
    await claims.run(held, signal, (work) => make(contextFor(owner), work, request));
    const volume = await db.volumes.get(id);
    if (volume?.status !== 'available')
      throw new InvalidVolume({ reason: `image volume ${id} did not become available` });
    await db.volumes.setAdminMetadata(id, 'readonly', 'True');
    return volume;
  } catch (error) {
    if (!signal.aborted) await removeImageVolume(manager, id, signal);
    throw error;
  }
}

/** Deletes such a volume as its owner would: cache entry, row and quota go with it. One that is in use stays. */
export async function removeImageVolume(manager: VolumeManager, id: string, signal: AbortSignal): Promise<void> {
  const { db, claims, service } = manager;
  const taken = await db.transaction(async (tx) => {
    await tx.imageCache.remove(id);
    const volume = await tx.volumes.get(id);
    const idle = ['available', 'error', 'error_deleting'];
    if (volume === undefined || !(await tx.volumes.update(id, { status: 'deleting' }, idle))) return undefined;
    const claim = await tx.workers.insert(volumeKey(id), 'deleting', service.id);
    return claim && { claim, volume: { ...volume, status: 'deleting' } };
  });
  if (taken === undefined) return;
  const { user_id, project_id } = taken.volume;
  const held = claims.hold(taken.claim, taken.volume);
  const request = { cascade: false, unmanage_only: false };
  await claims.run(held, signal, (work) => deleteVolume(manager, contextFor({ user_id, project_id }), work, request));
}

/** What an image volume has of the volume that it is cloned from. */
function inheritedBy(source: Volume): Omit<NewVolume, 'id'> {
  const { host, cluster_name, availability_zone, size, volume_type_id, multiattach } = source;
  return {
    host,
    cluster_name,
    availability_zone,
    size,
    multiattach,
    ...(volume_type_id === null ? {} : { volume_type_id }),
    source_volid: source.id,
    status: 'creating',
    attach_status: 'detached',
  };
}
