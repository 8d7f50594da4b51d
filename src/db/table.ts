import type { Generated } from 'kysely';
import type { UtcTime } from '../base/time.ts';

/** What a column holds: how it is declared, what is checked when it is written, what comes out when it is read. */
export type Kind = 'text' | 'int' | 'bool' | 'time';

/** A column of the schema; `T` is what stands in a row. `preset` is a default that the database itself fills in. */
export interface Column<T> {
  readonly kind: Kind;
  readonly required: boolean;
  /** Characters that fit; absent where text has no limit. */
  readonly length?: number;
  readonly preset?: T;
  readonly primary?: boolean;
  /** Has an index of its own, under the name that SQLAlchemy gives it. */
  readonly indexed?: boolean;
  /** `table.column` that the value must exist in. */
  readonly references?: string;
  /** A boolean that the database holds to 0 and 1. */
  readonly checked?: boolean;
}

export type Columns = Readonly<Record<string, Column<unknown>>>;

interface Index {
  readonly name: string;
  readonly columns: readonly string[];
  readonly unique?: boolean;
}

export interface Table<C extends Columns> {
  readonly columns: C;
  /** Combinations of columns that occur once. */
  readonly unique: readonly (readonly string[])[];
  readonly indexes: readonly Index[];
}

/** A row as kysely and the rest of this room see it: booleans are booleans, times are UtcTime. */
export type RowOf<C extends Columns> = { [K in keyof C]: C[K] extends Column<infer T> ? T : never };

export function table<const C extends Columns>(
  columns: C,
  { unique = [], indexes = [] }: Partial<Pick<Table<C>, 'unique' | 'indexes'>> = {},
): Table<C> {
  return { columns, unique, indexes };
}

export function text(length?: number): Column<string | null> {
  return { kind: 'text', required: false, ...(length === undefined ? {} : { length }) };
}

export function int(): Column<number | null> {
  return { kind: 'int', required: false };
}

export function bool(): Column<boolean | null> {
  return { kind: 'bool', required: false };
}

export function time(): Column<UtcTime | null> {
  return { kind: 'time', required: false };
}

/** A number that the database counts up. */
export function serial(): Column<Generated<number>> {
  return { kind: 'int', required: true, primary: true };
}

/** The primary key. */
export function key<T>(column: Column<T | null>): Column<T> {
  return { ...required(column), primary: true };
}

export function required<T>(column: Column<T | null>, preset?: T): Column<T> {
  const { preset: _, ...rest } = column;
  return { ...rest, required: true, ...(preset === undefined ? {} : { preset }) };
}

export function indexed<T>(column: Column<T>): Column<T> {
  return { ...column, indexed: true };
}

/** The value stands in another table: `references(text(36), 'volumes.id')`. */
export function references<T>(column: Column<T>, target: string): Column<T> {
  return { ...column, references: target };
}

export function checked<T>(column: Column<T>): Column<T> {
  return { ...column, checked: true };
}
