import type { Selectable } from 'kysely';
import { utcNow } from '../base/time.ts';
import type { GroupTable } from '../interface/group-table.ts';
import type { Group } from '../objects/group.ts';
import type { Access } from './access.ts';
import { ofService } from './host-filter.ts';
import { buried, encode, touched } from './rows.ts';
import type { Schema } from './schema.ts';

/** The table `groups` (database.md §3.9, §4). */
export function groupTable({ read, write }: Access): GroupTable {
  return {
    get: (id) =>
      read(async (db) => {
        const query = db.selectFrom('groups').selectAll().where('id', '=', id).where('deleted', '=', false);
        const row = await query.executeTakeFirst();
        return row && toGroup(row);
      }),
    ofService: (host, { after, limit }, statuses) =>
      read(async (db) => {
        const rows = await db
          .selectFrom('groups')
          .selectAll()
          .where('deleted', '=', false)
          .where(({ ref }) => ofService(db, ref('host'), host))
          .where('status', 'in', statuses)
          .$if(after !== undefined, (behind) => behind.where('id', '>', after ?? ''))
          .orderBy('id')
          .limit(limit)
          .execute();
        return rows.map(toGroup);
      }),
    update: (id, changes, expected) =>
      write(async (db) => {
        const { numUpdatedRows } = await db
          .updateTable('groups')
          .set(encode('groups', { ...changes, ...touched() }))
          .where('id', '=', id)
          .where('deleted', '=', false)
          .$if(expected !== undefined, (some) => some.where('status', 'in', expected ?? []))
          .executeTakeFirst();
        return numUpdatedRows > 0n;
      }),
    destroy: (id) =>
      write(async (db) => {
        const now = utcNow();
        const { numUpdatedRows } = await db
          .updateTable('groups')
          .set(encode('groups', { status: 'deleted', ...buried(now) }))
          .where('id', '=', id)
          .where('deleted', '=', false)
          .executeTakeFirst();
        await db
          .updateTable('group_volume_type_mapping')
          .set(encode('group_volume_type_mapping', buried(now)))
          .where('group_id', '=', id)
          .where('deleted', '=', false)
          .execute();
        return numUpdatedRows > 0n;
      }),
  };
}

function toGroup(row: Selectable<Schema['groups']>): Group {
  return {
    ...row,
    status: row.status as Group['status'],
    replication_status: row.replication_status as Group['replication_status'],
  };
}
