import { parseUtcTime, type UtcTime } from '../base/time.ts';
import { DatabaseError } from '../interface/database.ts';

type Reader = (value: unknown, column: string) => unknown;

/** Columns of a result whose values the rest of this room knows in another form than the client. */
export type Readers = readonly { readonly column: string; readonly read: Reader }[];

/** The rows of a result in our form. They are changed where they stand. */
export function readRows(rows: readonly object[], readers: Readers): readonly object[] {
  if (readers.length === 0) return rows;
  for (const row of rows as readonly Record<string, unknown>[]) {
    for (const { column, read } of readers) row[column] = read(row[column], column);
  }
  return rows;
}

/** A time as a server writes it: with as many digits behind the second as the column keeps. */
export function readTime(value: unknown, column: string): UtcTime | null {
  if (value === null) return null;
  const moment = typeof value === 'string' ? parseUtcTime(value) : undefined;
  if (moment !== undefined) return moment;
  throw new DatabaseError('refused', `column ${column} holds ${JSON.stringify(value)}, which is no time`);
}

/** Booleans that the server keeps as small numbers. */
export function readBoolean(value: unknown): boolean | null {
  return value === null ? null : Number(value) !== 0;
}

/** Whole numbers that the client leaves as text. */
export function readNumber(value: unknown): number | null {
  return value === null ? null : Number(value);
}
