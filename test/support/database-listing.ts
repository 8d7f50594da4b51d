import { DatabaseSync } from '@photostructure/sqlite';

/**
 * Everything about the tables of an SQLite file that matters to who reads and writes it, one fact a line: columns with type,
 * nullability, default and place in the primary key, checks, foreign keys, indexes.
 */
export function listingOf(path: string): string {
  const database = new DatabaseSync(path, { readOnly: true });
  const all = (sql: string): Record<string, unknown>[] => database.prepare(sql).all() as Record<string, unknown>[];
  const lines = all("select name, sql from sqlite_master where type = 'table' order by name").flatMap((table) => {
    const name = String(table['name']);
    return [
      ...all(`select * from pragma_table_info('${name}') order by name`).map(
        (column) =>
          `${name}.${column['name']} ${column['type']}${column['notnull'] ? ' not null' : ''}` +
          `${column['dflt_value'] === null ? '' : ` default ${column['dflt_value']}`}${column['pk'] ? ' primary key' : ''}`,
      ),
      ...[...String(table['sql']).matchAll(/CHECK \("?(\w+)"? IN \(0, 1\)\)/g)].map(
        (match) => `${name} checks ${match[1]}`,
      ),
      ...all(`select * from pragma_foreign_key_list('${name}') order by "from"`).map(
        (key) => `${name}.${key['from']} references ${key['table']}.${key['to']}`,
      ),
      ...all(`select * from pragma_index_list('${name}') order by name`).map((index) => {
        const columns = all(`select name from pragma_index_info('${index['name']}') order by seqno`);
        const label = index['origin'] === 'c' ? `index ${index['name']}` : `key`;
        return `${name} ${index['unique'] ? 'unique ' : ''}${label} (${columns.map((column) => column['name']).join(', ')})`;
      }),
    ];
  });
  database.close();
  return `${lines.join('\n')}\n`;
}
