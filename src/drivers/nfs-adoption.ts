import { posix } from 'node:path';
import { messageOf } from '../base/errors.ts';
import { repr } from '../base/python-text.ts';
import type { Naming } from '../interface/naming.ts';
import type { ExistingReference, LocalFormat, ManageableVolume, ModelUpdate } from '../interface/volume-driver.ts';
import { ManageExistingInvalidReference } from '../objects/exceptions.ts';
import type { Volume } from '../objects/volume.ts';
import type { MountedShare } from './nfs-shares.ts';
import type { Image, QemuImg } from './qemu-img.ts';
import type { RemoteFiles } from './remote-files.ts';
import { GiB } from './volume-size.ts';

/** What taking files of a share in needs (manager.md §10); references are `{ "source-name": "host:/export/FILE" }`. */
export interface AdoptionParts {
  readonly shares: readonly MountedShare[];
  readonly files: RemoteFiles;
  readonly qemu: QemuImg;
  readonly naming: Naming;
  readonly permissions: string;
}

interface Found {
  readonly place: MountedShare;
  readonly image: Image;
  readonly size: number;
}

/** Size in GiB; also when an earlier run has given the file its name. */
export async function sizeOfAdoptable(
  parts: AdoptionParts,
  reference: ExistingReference,
  name: string,
  signal: AbortSignal,
): Promise<number> {
  return Math.ceil((await find(parts, reference, name, signal)).size / GiB);
}

/** Gives a file the name of its row, and whole GiB. */
export async function adoptFile(
  parts: AdoptionParts,
  reference: ExistingReference,
  name: string,
  signal: AbortSignal,
): Promise<ModelUpdate> {
  const { files, qemu, permissions } = parts;
  const { place, image, size } = await find(parts, reference, name, signal);
  const target = posix.join(place.folder, name);
  await files.chmod(image.path, permissions, signal);
  if (size % GiB !== 0) await qemu.resize(image, Math.ceil(size / GiB), signal);
  if (image.path !== target) await files.renameNew(image.path, target, signal);
  return { provider_location: place.share, admin_metadata: { format: image.format } };
}

/** The files of the shares that are images or may be; what belongs to a volume of ours besides its own file is left out. */
export async function listAdoptable(
  parts: AdoptionParts,
  known: readonly Volume[],
  signal: AbortSignal,
): Promise<readonly ManageableVolume[]> {
  const rows = new Map(known.map((volume) => [parts.naming.volume(volume), volume]));
  const found: ManageableVolume[] = [];
  for (const place of parts.shares) {
    for (const file of await parts.files.list(place.folder, signal)) {
      const of = file.replace(/\.(info|[0-9a-f-]{36})$/, '');
      if (file.startsWith('.') || (of !== file && (rows.has(of) || parts.naming.volumeIdIn(of) !== undefined)))
        continue;
      found.push(await describe(parts, place, file, rows.get(file), signal));
    }
  }
  return found;
}

async function describe(
  parts: AdoptionParts,
  place: MountedShare,
  file: string,
  row: Volume | undefined,
  signal: AbortSignal,
): Promise<ManageableVolume> {
  const reference = { 'source-name': posix.join(place.share, file) };
  const base = { reference, cinder_id: row?.id ?? null, extra_info: null };
  if (row !== undefined) {
    return { ...base, size: row.size, safe_to_manage: false, reason_not_safe: 'already managed' };
  }
  try {
    const { size } = await inspect(parts, place, file, signal);
    return { ...base, size: Math.ceil(size / GiB), safe_to_manage: true, reason_not_safe: null };
  } catch (error) {
    signal.throwIfAborted();
    return { ...base, size: 0, safe_to_manage: false, reason_not_safe: messageOf(error) };
  }
}

async function find(
  parts: AdoptionParts,
  reference: ExistingReference,
  name: string,
  signal: AbortSignal,
): Promise<Found> {
  const wanted = reference['source-name'];
  if (typeof wanted !== 'string') throw invalid(reference, 'The existing volume reference must contain "source-name".');
  const path = posix.normalize(wanted);
  const place = parts.shares.find(
    ({ share }) => posix.dirname(path) === posix.normalize(share).replace(/(.)\/$/, '$1'),
  );
  const file = posix.basename(path);
  if (place === undefined || file.startsWith('.')) throw invalid(reference, 'Volume not found.');
  const isThere = async (each: string): Promise<boolean> =>
    (await parts.files.size(posix.join(place.folder, each), signal)) !== undefined;
  try {
    if (await isThere(file)) return await inspect(parts, place, file, signal);
    if (await isThere(name)) return await inspect(parts, place, name, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw invalid(reference, messageOf(error), error);
  }
  throw invalid(reference, 'Volume not found.');
}

/** Nobody has told the format, so the file does; one that stands on others, or is empty, is none of ours. */
async function inspect(parts: AdoptionParts, place: MountedShare, file: string, signal: AbortSignal): Promise<Found> {
  const path = posix.join(place.folder, file);
  if (((await parts.files.size(path, signal)) ?? 0) === 0) throw new Error('The file is empty.');
  const format: LocalFormat = (await parts.files.isQcow2(path, signal)) ? 'qcow2' : 'raw';
  const image = { path, format };
  const { virtualSize, backing } = await parts.qemu.info(image, signal);
  if (backing !== undefined) throw new Error('Backing file present.');
  return { place, image, size: virtualSize };
}

function invalid(reference: ExistingReference, reason: string, cause?: unknown): ManageExistingInvalidReference {
  return new ManageExistingInvalidReference({ existing_ref: repr(reference), reason }, { cause });
}
