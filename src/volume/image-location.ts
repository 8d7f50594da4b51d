import type { Image } from '../interface/image-service.ts';
import { serviceOf } from '../objects/host.ts';
import type { Volume } from '../objects/volume.ts';
import type { VolumeManager } from './manager.ts';

const url = /^cinder:\/\/(?:[^/]+\/)?([0-9a-f-]{36})$/i;

/**
 * A volume of this backend that is the image itself, and may be read by the owner of `volume` (manager.md §4.4 step 3).
 * Undefined where `allowed_direct_url_schemes` does not allow it, or there is none.
 */
export async function volumeAtLocation(
  { db, settings }: VolumeManager,
  image: Image,
  volume: Volume,
): Promise<Volume | undefined> {
  const raw = image.container_format === 'bare' && image.disk_format === 'raw';
  if (!raw || !settings.allowed_direct_url_schemes.includes('cinder')) return undefined;
  for (const id of image.locations.flatMap((location) => url.exec(location)?.[1] ?? [])) {
    const found = await db.volumes.get(id);
    if (found?.host == null || volume.host === null || serviceOf(found.host) !== serviceOf(volume.host)) continue;
    const readable = [volume.project_id, found.metadata?.['image_owner']].includes(image.owner ?? undefined);
    const usable = ['available', 'in-use'].includes(found.status) && found.size <= volume.size;
    if (readable && usable) return found;
  }
  return undefined;
}
