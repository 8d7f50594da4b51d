import type { ExistingReference, ManageableSnapshot, ManageableVolume } from '../interface/volume-driver.ts';
import type { RequestContext } from '../objects/context.ts';
import { AdminRequired, InvalidInput } from '../objects/exceptions.ts';
import { manageableSnapshotCodec, manageableVolumeCodec } from '../objects/manageable.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import { isRecord } from '../objects/versioned-object.ts';
import type { Volume } from '../objects/volume.ts';
import { requireDriver, type VolumeManager } from './manager.ts';
import { pages } from './pages.ts';

/** Which part of a list is wanted, and in which order. */
export interface ListRequest {
  /** The reference behind which the part begins, as Python prints it. */
  readonly marker: string | null;
  readonly limit: number | null;
  readonly offset: number | null;
  readonly sort_keys: readonly string[];
  readonly sort_dirs: readonly string[];
  readonly want_objects: boolean;
}

/** What of the backend could be taken in as volumes (manager.md §10.3); empty where the driver cannot. */
export async function getManageableVolumes(
  manager: VolumeManager,
  context: RequestContext,
  request: ListRequest,
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  const driver = requireDriver(manager);
  requireAdmin(context);
  if (driver.getManageableVolumes === undefined) return [];
  const entries = partOf(await driver.getManageableVolumes(await knownVolumes(manager), signal), request);
  return request.want_objects
    ? entries.map((entry) => manageableVolumeCodec.encode({ ...entry, ...encodable(entry) }))
    : entries;
}

/** The same for snapshots. */
export async function getManageableSnapshots(
  manager: VolumeManager,
  context: RequestContext,
  request: ListRequest,
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  const driver = requireDriver(manager);
  requireAdmin(context);
  if (driver.getManageableSnapshots === undefined) return [];
  const entries = partOf(await driver.getManageableSnapshots(await knownSnapshots(manager), signal), request);
  const source = ({ source_reference }: ManageableSnapshot) => ({ source_reference: words(source_reference) });
  return request.want_objects
    ? entries.map((entry) => manageableSnapshotCodec.encode({ ...entry, ...encodable(entry), ...source(entry) }))
    : entries;
}

/** Every volume of this backend. */
export async function knownVolumes({ db, host }: VolumeManager): Promise<readonly Volume[]> {
  const known: Volume[] = [];
  for await (const volume of pages((page) => db.volumes.ofService(host, page))) known.push(volume);
  return known;
}

/** Every snapshot of this backend's volumes. */
export async function knownSnapshots({ db, host }: VolumeManager): Promise<readonly Snapshot[]> {
  const known: Snapshot[] = [];
  for await (const snapshot of pages((page) => db.snapshots.ofService(host, page))) known.push(snapshot);
  return known;
}

/** True when a row of ours names what `ref` means. */
export function isManaged(entries: readonly ManageableVolume[], ref: ExistingReference): boolean {
  return entries.some((entry) => entry.cinder_id !== null && sameReference(entry.reference, ref));
}

/** A reference as Python prints a dictionary. */
export function referenceText(ref: ExistingReference): string {
  return `{${Object.entries(ref)
    .map(([key, value]) => `'${key}': ${typeof value === 'string' ? `'${value}'` : String(value)}`)
    .join(', ')}}`;
}

/** Upstream reads these rows with the caller's own rights. */
function requireAdmin(context: RequestContext): void {
  if (!context.is_admin) throw new AdminRequired();
}

/** Sorts, looks for the marker, skips and cuts, as upstream's helper for drivers does. */
function partOf<T extends ManageableVolume>(entries: readonly T[], request: ListRequest): readonly T[] {
  const sorted = [...entries].sort((one, other) => compare(one, other, request));
  const { marker, offset, limit } = request;
  let start = 0;
  if (marker) {
    const wanted = parsedMarker(marker);
    start = sorted.findIndex(({ reference }) => sameReference(reference, wanted)) + 1;
    if (start === 0) throw new InvalidInput({ reason: `marker not found: ${marker}` });
  }
  const from = start + (offset ?? 0);
  return sorted.slice(from, limit === null ? undefined : from + limit);
}

function compare(one: ManageableVolume, other: ManageableVolume, { sort_keys, sort_dirs }: ListRequest): number {
  for (const [at, key] of sort_keys.entries()) {
    const [left, right] = [one, other].map((entry) => sortable(entry, key.trim()));
    if (left === undefined || right === undefined || left === right) continue;
    const ascending = left < right ? -1 : 1;
    return sort_dirs[at] === 'asc' ? ascending : -ascending;
  }
  return 0;
}

/** A dictionary is sorted by the least of its values. */
function sortable(entry: ManageableVolume, key: string): string | number | undefined {
  const value: unknown = Object.entries(entry).find(([name]) => name === key)?.[1];
  if (isRecord(value)) return Object.values(value).map(String).sort()[0] ?? '';
  return typeof value === 'number' || typeof value === 'string' ? value : undefined;
}

/** JSON, or the text that Python makes of a dictionary of texts and numbers. */
function parsedMarker(marker: string): ExistingReference {
  for (const text of [marker, marker.replace(/\bu'/g, "'").replaceAll("'", '"')]) {
    try {
      const value: unknown = JSON.parse(text);
      if (isRecord(value)) return value;
    } catch {
      // The other spelling is tried, and then it is told.
    }
  }
  throw new InvalidInput({ reason: `marker ${marker} can not be analysed, please use dict like format` });
}

function sameReference(one: ExistingReference, other: ExistingReference): boolean {
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => String(one[key]) === String(other[key]));
}

/** References travel as texts; free words have no place in an object. */
function encodable({ reference }: ManageableVolume) {
  return { reference: words(reference), extra_info: null };
}

function words(reference: ExistingReference): Readonly<Record<string, string | null>> {
  return Object.fromEntries(
    Object.entries(reference).map(([key, value]) => [key, value === null ? null : String(value)]),
  );
}
