import type { BackupTable } from '../interface/backup-table.ts';
import type { Backup } from '../objects/backup.ts';
import type { Access } from './access.ts';
import { encode, touched } from './rows.ts';

/** The table `backups`: cinder-backup's, but for a few columns (database.md §3.14). */
export function backupTable({ read, write }: Access): BackupTable {
  return {
    get: (id) =>
      read(async (db) => {
        const row = await db
          .selectFrom('backups')
          .selectAll()
          .where('id', '=', id)
          .where('deleted', '=', false)
          .executeTakeFirst();
        return row && { ...row, status: row.status as Backup['status'] };
      }),
    update: (id, changes) =>
      write(async (db) => {
        const { numUpdatedRows } = await db
          .updateTable('backups')
          .set(encode('backups', { ...changes, ...touched() }))
          .where('id', '=', id)
          .where('deleted', '=', false)
          .executeTakeFirst();
        return numUpdatedRows > 0n;
      }),
  };
}
