import type { Database } from '../interface/database.ts';
import type { ConnectionInfo } from '../interface/volume-driver.ts';
import type { Volume } from '../objects/volume.ts';
import type { VolumeSettings } from './options.ts';

/** Adds what every host needs to know, in upstream's order (manager.md §7.3). */
export async function completeConnection(
  db: Pick<Database, 'volumeTypes'>,
  settings: Pick<VolumeSettings, 'report_discard_supported'>,
  volume: Volume,
  info: ConnectionInfo,
): Promise<ConnectionInfo> {
  const typeCacheable = volume.volume_type?.extra_specs?.['cacheable'] === '<is> True';
  const { cacheable, encrypted, discard } = info.data;
  const data = {
    ...info.data,
    qos_specs: await frontEndSpecs(db, volume),
    access_mode: accessMode(volume),
    encrypted: encrypted ?? volume.encryption_key_id !== null,
    cacheable: cacheable === undefined ? typeCacheable : cacheable === true && typeCacheable,
    ...(discard === undefined && settings.report_discard_supported ? { discard: true } : {}),
  };
  return { ...info, data };
}

function accessMode({ admin_metadata }: Volume): string {
  const attached = admin_metadata?.['attached_mode'];
  if (attached !== undefined) return attached;
  return admin_metadata?.['readonly'] === 'True' ? 'ro' : 'rw';
}

/** The limits that the host itself keeps; null when the type has none for it. */
async function frontEndSpecs(
  db: Pick<Database, 'volumeTypes'>,
  volume: Volume,
): Promise<Readonly<Record<string, unknown>> | null> {
  const id = volume.volume_type?.qos_specs_id;
  const specs = id ? await db.volumeTypes.qosSpecs(id) : undefined;
  if (specs === undefined || specs.consumer === 'back-end') return null;
  return perGigabyte(specs.specs ?? {}, volume.size);
}

const limits = ['read', 'write', 'total'].flatMap((what) => [`${what}_iops_sec`, `${what}_bytes_sec`]);

/** `<limit>_per_gb` times the size, at least `_per_gb_min`, at most `_max`, under the plain name. */
function perGigabyte(specs: Readonly<Record<string, string | null>>, size: number): Record<string, unknown> {
  const result: Record<string, unknown> = { ...specs };
  for (const limit of limits) {
    const perGb = Number(specs[`${limit}_per_gb`]);
    if (!specs[`${limit}_per_gb`] || Number.isNaN(perGb)) continue;
    const least = Number(specs[`${limit}_per_gb_min`] ?? 0);
    const most = specs[`${limit}_max`] ? Number(specs[`${limit}_max`]) : Number.POSITIVE_INFINITY;
    result[limit] = Math.min(Math.max(perGb * size, least), most);
    for (const suffix of ['_per_gb', '_per_gb_min', '_max']) delete result[limit + suffix];
  }
  return result;
}
