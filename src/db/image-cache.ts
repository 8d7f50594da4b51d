import type { Kysely } from 'kysely';
import { utcNow } from '../base/time.ts';
import type { ImageCacheEntry, ImageCacheOwner, ImageCacheTable } from '../interface/image-cache-table.ts';
import type { Access } from './access.ts';
import { exactly } from './locks.ts';
import { encode, stored } from './rows.ts';
import type { Schema } from './schema.ts';

const columns = ['image_id', 'image_updated_at', 'volume_id', 'host', 'cluster_name', 'size'] as const;

/** The table `image_volume_cache_entries` (database.md §3.10): no standard columns, rows are really deleted. */
export function imageCacheTable({ read, write }: Access): ImageCacheTable {
  return {
    use: (imageId, owner) =>
      write(async (db) => {
        const newest = await owned(db, owner).select('id').where('image_id', '=', imageId).executeTakeFirst();
        if (newest === undefined) return undefined;
        const { id, ...entry } = newest;
        const now = { last_used: stored(utcNow()) };
        await db.updateTable('image_volume_cache_entries').set(now).where('id', '=', id).execute();
        return entry satisfies ImageCacheEntry;
      }),
    list: (owner) => read((db) => owned(db, owner).execute()),
    create: (entry) =>
      write(async (db) => {
        const row = encode('image_volume_cache_entries', { ...entry, last_used: utcNow() });
        await db.insertInto('image_volume_cache_entries').values(row).execute();
      }),
    remove: (volumeId) =>
      write(async (db) => {
        const query = db.deleteFrom('image_volume_cache_entries').where('volume_id', '=', volumeId);
        return (await query.executeTakeFirst()).numDeletedRows > 0n;
      }),
  };
}

function owned(db: Kysely<Schema>, { host, cluster_name }: ImageCacheOwner) {
  const query = db
    .selectFrom('image_volume_cache_entries')
    .select(columns)
    .orderBy('last_used', 'desc')
    .orderBy('id', 'desc');
  return query.where(({ ref }) =>
    cluster_name === null ? exactly(db, ref('host'), host) : exactly(db, ref('cluster_name'), cluster_name),
  );
}
