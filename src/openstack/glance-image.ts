import { parseUtcTime } from '../base/time.ts';
import type { Image } from '../interface/image-service.ts';
import { isRecord } from '../objects/versioned-object.ts';
import { HttpUnanswered } from './http.ts';

/** What Glance's own schema calls base properties; everything else of an image is its user's. */
const base = new Set([
  'id',
  'name',
  'status',
  'visibility',
  'protected',
  'checksum',
  'os_hash_algo',
  'os_hash_value',
  'os_hidden',
  'owner',
  'size',
  'virtual_size',
  'container_format',
  'disk_format',
  'created_at',
  'updated_at',
  'tags',
  'direct_url',
  'min_ram',
  'min_disk',
  'self',
  'file',
  'schema',
  'locations',
  'stores',
]);

/** Reads the answer of `GET /v2/images/<id>`. */
export function decodeImage(value: unknown): Image {
  if (!isRecord(value) || typeof value['id'] !== 'string') throw new HttpUnanswered('an answer that is no image');
  const image = value;
  const properties = Object.entries(image).flatMap(([key, item]) =>
    base.has(key) || item === null || item === undefined ? [] : [[key, textOf(item)] as const],
  );
  return {
    id: String(image['id']),
    name: text(image['name']),
    status: text(image['status']) ?? 'unknown',
    disk_format: text(image['disk_format']),
    container_format: text(image['container_format']),
    size: number(image['size']),
    virtual_size: number(image['virtual_size']),
    min_disk: number(image['min_disk']) ?? 0,
    min_ram: number(image['min_ram']) ?? 0,
    checksum: text(image['checksum']),
    os_hash_algo: text(image['os_hash_algo']),
    os_hash_value: text(image['os_hash_value']),
    owner: text(image['owner']),
    updated_at: parseUtcTime(text(image['updated_at']) ?? '') ?? null,
    locations: locationsOf(image),
    properties: Object.fromEntries(properties),
  };
}

function locationsOf(image: Readonly<Record<string, unknown>>): string[] {
  const listed = Array.isArray(image['locations']) ? image['locations'] : [];
  const urls = [image['direct_url'], ...listed.map((item) => (isRecord(item) ? item['url'] : undefined))];
  return [...new Set(urls.filter((url) => typeof url === 'string'))];
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}
