import { bool, checked, time } from './table.ts';

/** The columns that nearly every table has: when a row was made, changed and deleted. Deleted rows stay until a purge. */
export const stamps = { created_at: time(), updated_at: time(), deleted_at: time(), deleted: bool() };

/** The same where the migration also made the database check `deleted`. */
export const checkedStamps = { ...stamps, deleted: checked(bool()) };
