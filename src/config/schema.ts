import { isDeepStrictEqual } from 'node:util';
import { list, multi, type OptionGroup, type OptionTable } from '../interface/options.ts';
import { groupKey } from './source-index.ts';

/** Every option that the daemon knows. Several rooms may declare options of one group. */
export interface Schema {
  readonly groups: readonly OptionGroup[];
  /** Options of backends' sections and of `[backend_defaults]`, apart from those that a driver declares itself. */
  readonly backend: readonly OptionTable[];
}

/**
 * What says where the configuration itself comes from; part of every schema. The values are what was read: a file cannot
 * name others.
 */
export const sourceOptions = {
  group: 'DEFAULT',
  options: {
    config_file: multi([], 'Files that were read, in this order; a later one wins.', { ignored: true }),
    config_dir: multi([], 'Folders whose *.conf files were read, in the order of their names.', { ignored: true }),
    config_source: list([], 'Groups that describe remote sources of configuration; such sources are not read.', {
      ignored: true,
    }),
  },
} satisfies OptionGroup;

/** All tables of one group as one. What a room reads wins over the same option accepted without effect. */
export function joinTables(tables: readonly OptionTable[]): OptionTable {
  const joined = new Map<string, OptionTable[string]>();
  for (const [name, option] of tables.flatMap((table) => Object.entries(table))) {
    const other = joined.get(name);
    if (other !== undefined && !other.ignored && !option.ignored && !isDeepStrictEqual(other, option)) {
      throw new Error(`option ${name} is declared twice`);
    }
    if (other === undefined || other.ignored) joined.set(name, option);
  }
  return Object.fromEntries(joined);
}

/** The groups of a schema by the name under which they are found, each with all its options. */
export function joinGroups(schema: Schema): ReadonlyMap<string, OptionGroup> {
  const tables = new Map<string, { group: string; tables: OptionTable[] }>();
  for (const { group, options } of [sourceOptions, ...schema.groups]) {
    const entry = tables.get(groupKey(group)) ?? { group, tables: [] };
    entry.tables.push(options);
    tables.set(groupKey(group), entry);
  }
  return new Map([...tables].map(([key, entry]) => [key, { group: entry.group, options: joinTables(entry.tables) }]));
}
