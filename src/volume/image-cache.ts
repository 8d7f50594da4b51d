import { isAbort, messageOf } from '../base/errors.ts';
import type { ImageCacheEntry } from '../interface/image-cache-table.ts';
import type { Image } from '../interface/image-service.ts';
import type { RequestContext } from '../objects/context.ts';
import { nodeOf } from '../objects/host.ts';
import type { Volume } from '../objects/volume.ts';
import { cloneAsImage, internalTenant, type MakeVolume, removeImageVolume, type Tenant } from './image-volume.ts';
import type { VolumeManager } from './manager.ts';

/** Who owns the cached volumes of this backend; undefined where nothing is cached for this volume (manager.md §4.6). */
export function cacheTenant(manager: VolumeManager, volume: Volume): Tenant | undefined {
  const enabled = manager.settings.image_volume_cache_enabled && volume.encryption_key_id === null;
  return enabled ? internalTenant(manager) : undefined;
}

/** The cached volume of an image on the pool of `volume`. One of an older state of the image is removed, and is a miss. */
export async function cachedVolume(
  manager: VolumeManager,
  context: RequestContext,
  image: Image,
  volume: Volume,
  signal: AbortSignal,
): Promise<Volume | undefined> {
  const { db, log } = manager;
  let entry = await db.imageCache.use(image.id, ownerOf(volume));
  if (entry !== undefined && entry.image_updated_at !== image.updated_at) {
    log.debug('Image-volume cache entry is out-dated, evicting: %s.', entry.volume_id);
    await evict(manager, context, entry, signal);
    entry = undefined;
  }
  const found = entry && (await db.volumes.get(entry.volume_id));
  await notify(manager, context, found === undefined ? 'miss' : 'hit', image.id, entry?.host ?? volume.host);
  return found;
}

/** Keeps a copy of a volume that was just filled from an image. What fails is logged: the volume itself is well. */
export async function addToCache(
  manager: VolumeManager,
  context: RequestContext,
  tenant: Tenant,
  image: Image,
  volume: Volume,
  make: MakeVolume,
  signal: AbortSignal,
): Promise<void> {
  const { db, log } = manager;
  let copy: Volume | undefined;
  try {
    if ((await db.imageCache.use(image.id, ownerOf(volume))) !== undefined) return;
    if (!(await makeRoom(manager, context, volume, signal))) {
      log.warning('Unable to ensure space for image-volume in cache. Will skip creating entry for image %s.', image.id);
      return;
    }
    copy = await cloneAsImage(manager, volume, tenant, { display_name: `image-${image.id}` }, make, signal);
    await db.imageCache.create({
      ...ownerOf(volume),
      image_id: image.id,
      image_updated_at: image.updated_at,
      volume_id: copy.id,
      size: copy.size,
    });
  } catch (error) {
    if (signal.aborted && isAbort(error)) throw error;
    log.log(
      'WARNING',
      { error },
      'Failed to create new image-volume cache entry for image %s: %s',
      image.id,
      messageOf(error),
    );
    if (copy !== undefined) await removeImageVolume(manager, copy.id, signal);
  }
}

/** Forgets an entry, and deletes its volume. */
export async function evict(
  manager: VolumeManager,
  context: RequestContext,
  entry: Pick<ImageCacheEntry, 'volume_id' | 'image_id' | 'host'>,
  signal: AbortSignal,
): Promise<void> {
  await removeImageVolume(manager, entry.volume_id, signal);
  await notify(manager, context, 'evict', entry.image_id, entry.host);
}

/** Removes what was not used for longest until one more fits. False when it never will. */
async function makeRoom(
  manager: VolumeManager,
  context: RequestContext,
  volume: Volume,
  signal: AbortSignal,
): Promise<boolean> {
  const { image_volume_cache_max_size_gb: mostSize, image_volume_cache_max_count: mostCount } = manager.settings;
  if (mostSize > 0 && volume.size > mostSize) return false;
  const entries = [...(await manager.db.imageCache.list(ownerOf(volume)))];
  let size = entries.reduce((sum, entry) => sum + entry.size, volume.size);
  while ((mostSize > 0 && size > mostSize) || (mostCount > 0 && entries.length + 1 > mostCount)) {
    const oldest = entries.pop();
    if (oldest === undefined) break;
    await evict(manager, context, oldest, signal);
    size -= oldest.size;
  }
  return true;
}

function ownerOf({ host, cluster_name }: Volume) {
  return { host: host ?? '', cluster_name };
}

async function notify(
  { notifier, host: service }: VolumeManager,
  context: RequestContext,
  action: 'hit' | 'miss' | 'evict',
  image_id: string,
  host: string | null,
): Promise<void> {
  if (!notifier.enabled) return;
  await notifier.info(context, `volume.${nodeOf(service)}`, `image_volume_cache.${action}`, { image_id, host });
}
