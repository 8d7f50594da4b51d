import { schema } from './schema.ts';
import type { Column, Columns, Kind, Table } from './table.ts';

/** SQLite's words, as SQLAlchemy spells them. */
const words: Readonly<Record<Kind, string>> = { text: 'TEXT', int: 'INTEGER', bool: 'BOOLEAN', time: 'DATETIME' };

/** The statements that make all tables and their indexes in an empty SQLite file. */
export function* createStatements(): Generator<string> {
  for (const [name, table] of Object.entries<Table<Columns>>(schema)) {
    yield createTable(name, table);
    yield* createIndexes(name, table);
  }
}

function createTable(name: string, { columns, unique }: Table<Columns>): string {
  const entries = Object.entries(columns);
  const lines = [
    ...entries.map(([column, definition]) => `${quoted(column)} ${declaration(definition)}`),
    ...entries.filter(([, { primary }]) => primary).map(([column]) => `PRIMARY KEY (${quoted(column)})`),
    ...unique.map((group) => `UNIQUE (${group.map(quoted).join(', ')})`),
    ...entries.flatMap(([column, { references }]) => (references === undefined ? [] : foreignKey(column, references))),
    ...entries.filter(([, { checked }]) => checked).map(([column]) => `CHECK (${quoted(column)} IN (0, 1))`),
  ];
  return `CREATE TABLE ${quoted(name)} (\n\t${lines.join(',\n\t')}\n)`;
}

function declaration({ kind, length, required, preset }: Column<unknown>): string {
  const type = length === undefined ? words[kind] : `VARCHAR(${length})`;
  return `${type}${preset === undefined ? '' : ` DEFAULT ${Number(preset)}`}${required ? ' NOT NULL' : ''}`;
}

function foreignKey(column: string, target: string): string {
  const [table = '', parent = ''] = target.split('.');
  return `FOREIGN KEY (${quoted(column)}) REFERENCES ${quoted(table)} (${quoted(parent)})`;
}

function createIndexes(name: string, { columns, indexes }: Table<Columns>): string[] {
  const single = Object.entries(columns)
    .filter(([, { indexed }]) => indexed)
    .map(([column]) => ({ name: `ix_${name}_${column}`, columns: [column], unique: false }));
  return [...single, ...indexes].map(
    (index) =>
      `CREATE ${index.unique ? 'UNIQUE ' : ''}INDEX ${quoted(index.name)} ` +
      `ON ${quoted(name)} (${index.columns.map(quoted).join(', ')})`,
  );
}

function quoted(name: string): string {
  return `"${name}"`;
}
