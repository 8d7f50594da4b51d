import type { Backup } from '../objects/backup.ts';

/** Columns that are ours to write (database.md §3.14). */
type BackupChanges = Partial<
  Pick<Backup, 'status' | 'host' | 'restore_volume_id' | 'temp_volume_id' | 'temp_snapshot_id'>
>;

export interface BackupTable {
  get(id: string): Promise<Backup | undefined>;
  /** False when the row is gone. */
  update(id: string, changes: BackupChanges): Promise<boolean>;
}
