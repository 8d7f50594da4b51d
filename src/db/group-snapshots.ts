import { utcNow } from '../base/time.ts';
import type { GroupSnapshotTable } from '../interface/group-table.ts';
import type { Access } from './access.ts';
import { ofService } from './host-filter.ts';
import { buried, encode, touched } from './rows.ts';

/** The table `group_snapshots` (database.md §3.9, §4). */
export function groupSnapshotTable({ read, write }: Access): GroupSnapshotTable {
  return {
    get: (id) =>
      read((db) =>
        db
          .selectFrom('group_snapshots')
          .selectAll()
          .where('id', '=', id)
          .where('deleted', '=', false)
          .executeTakeFirst(),
      ),
    ofService: (host, { after, limit }, statuses) =>
      read((db) =>
        db
          .selectFrom('group_snapshots')
          .selectAll()
          .where('deleted', '=', false)
          .where('status', 'in', statuses)
          .where(({ exists, selectFrom }) =>
            exists(
              selectFrom('groups')
                .select('groups.id')
                .whereRef('groups.id', '=', 'group_snapshots.group_id')
                .where(({ ref }) => ofService(db, ref('groups.host'), host)),
            ),
          )
          .$if(after !== undefined, (behind) => behind.where('id', '>', after ?? ''))
          .orderBy('id')
          .limit(limit)
          .execute(),
      ),
    update: (id, changes, expected) =>
      write(async (db) => {
        const { numUpdatedRows } = await db
          .updateTable('group_snapshots')
          .set(encode('group_snapshots', { ...changes, ...touched() }))
          .where('id', '=', id)
          .where('deleted', '=', false)
          .$if(expected !== undefined, (some) => some.where('status', 'in', expected ?? []))
          .executeTakeFirst();
        return numUpdatedRows > 0n;
      }),
    destroy: (id) =>
      write(async (db) => {
        const { numUpdatedRows } = await db
          .updateTable('group_snapshots')
          .set(encode('group_snapshots', { status: 'deleted', ...buried(utcNow()) }))
          .where('id', '=', id)
          .where('deleted', '=', false)
          .executeTakeFirst();
        return numUpdatedRows > 0n;
      }),
  };
}
