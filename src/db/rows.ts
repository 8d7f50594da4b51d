import { type UtcTime, utcNow } from '../base/time.ts';
import { DatabaseError } from '../interface/database.ts';
import { type Schema, schema, type TableName } from './schema.ts';
import type { Column, Columns, Table } from './table.ts';

/**
 * Values for an INSERT or UPDATE of `name`: unset ones left out, times in the database's form, and everything held against
 * its column. What MariaDB would refuse is refused here, too: SQLite by itself would keep a text that is too long, and
 * cut one at a NUL.
 */
export function encode<N extends TableName, V extends Partial<Schema[N]>>(name: N, values: V): V {
  const { columns } = schema[name] as Table<Columns>;
  const encoded: Record<string, unknown> = {};
  for (const [column, value] of Object.entries(values)) {
    if (value === undefined) continue;
    const definition = columns[column];
    if (definition === undefined) throw new DatabaseError('refused', `there is no column ${name}.${column}`);
    encoded[column] = encodeValue(`${name}.${column}`, definition, value);
  }
  return encoded as V;
}

/** A time as all three databases write it, for comparisons with a column. */
export function stored(time: UtcTime): UtcTime {
  return time.replace('T', ' ') as UtcTime;
}

/** The stamps of a new row. */
export function born(now = utcNow()): { created_at: UtcTime; updated_at: null; deleted_at: null; deleted: false } {
  return { created_at: now, updated_at: null, deleted_at: null, deleted: false };
}

/** The stamp of a changed row. */
export function touched(now = utcNow()): { updated_at: UtcTime } {
  return { updated_at: now };
}

/** The stamps of a soft delete. `updated_at` stays as it is (database.md §1.1). */
export function buried(now = utcNow()): { deleted: true; deleted_at: UtcTime } {
  return { deleted: true, deleted_at: now };
}

/** Rows by the resource that they belong to, in their order. */
export function grouped<R>(rows: readonly R[], ownerOf: (row: R) => string): ReadonlyMap<string, readonly R[]> {
  const groups = new Map<string, R[]>();
  for (const row of rows) {
    const owner = ownerOf(row);
    const group = groups.get(owner);
    if (group === undefined) groups.set(owner, [row]);
    else group.push(row);
  }
  return groups;
}

function encodeValue(place: string, column: Column<unknown>, value: unknown): unknown {
  if (value === null) return null;
  switch (column.kind) {
    case 'text':
      return checkedText(place, column, value);
    case 'int':
      if (Number.isInteger(value) && Math.abs(Number(value)) <= 2 ** 31 - 1) return value;
      throw refused(place, `an integer of 32 bits is expected, not ${String(value)}`);
    case 'bool':
      if (typeof value === 'boolean') return value;
      throw refused(place, `true or false is expected, not a ${typeof value}`);
    case 'time':
      return stored(value as UtcTime);
    default:
      return column.kind satisfies never;
  }
}

function checkedText(place: string, { length }: Column<unknown>, value: unknown): string {
  if (typeof value !== 'string') throw refused(place, `text is expected, not a ${typeof value}`);
  if (value.includes('\0')) throw refused(place, 'text may not contain a NUL character');
  if (length !== undefined && value.length > length) {
    const characters = [...value].length;
    if (characters > length) throw refused(place, `${characters} characters do not fit into ${length}`);
  }
  return value;
}

function refused(place: string, why: string): DatabaseError {
  return new DatabaseError('refused', `the value for ${place} cannot be stored: ${why}`);
}
