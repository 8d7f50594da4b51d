import type { UtcTime } from '../base/time.ts';

/** A volume that is kept because it holds an image (database.md §3.10). */
export interface ImageCacheEntry {
  readonly image_id: string;
  readonly image_updated_at: UtcTime | null;
  readonly volume_id: string;
  /** `host@backend#pool` of the volume. */
  readonly host: string;
  readonly cluster_name: string | null;
  /** GiB. */
  readonly size: number;
}

/** Whose entries are meant: those of a pool, or of a cluster's. */
export type ImageCacheOwner = Pick<ImageCacheEntry, 'host' | 'cluster_name'>;

/** The table `image_volume_cache_entries`. */
export interface ImageCacheTable {
  /** The entry of an image that was used last; it counts as used now. */
  use(imageId: string, owner: ImageCacheOwner): Promise<ImageCacheEntry | undefined>;
  /** All entries, the one used last first. */
  list(owner: ImageCacheOwner): Promise<readonly ImageCacheEntry[]>;
  /** Makes the entry, used now. */
  create(entry: ImageCacheEntry): Promise<void>;
  /** False when there was none. */
  remove(volumeId: string): Promise<boolean>;
}
