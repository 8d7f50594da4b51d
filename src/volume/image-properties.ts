import type { Image } from '../interface/image-service.ts';

/** What a volume made from an image remembers of it, as rows of glance metadata (manager.md §4.4 step 6). */
export function propertiesOf(image: Image, verified: boolean | undefined): Readonly<Record<string, string>> {
  const { id, name, checksum, container_format, disk_format, min_disk, min_ram, size } = image;
  const own = { checksum, container_format, disk_format, min_disk, min_ram, size };
  const set = Object.entries(own).flatMap(([key, value]) => (value === null ? [] : [[key, String(value)] as const]));
  return {
    ...(verified === undefined ? {} : { signature_verified: verified ? 'True' : 'False' }),
    ...image.properties,
    image_id: id,
    ...(name && { image_name: name }),
    ...Object.fromEntries(set),
  };
}
