import { Float } from '../base/python-float.ts';
import { str } from '../base/python-text.ts';
import type { Option, OptionTable } from '../interface/options.ts';
import { joinGroups, joinTables, type Schema } from './schema.ts';

/**
 * The text of `cinder.conf.sample`: every option that this daemon heeds, commented out, with its help, limits, older names
 * and default. The same tables give the same bytes.
 */
export function sampleText(schema: Schema): string {
  const groups = [...joinGroups(schema).values()].filter(({ options }) => heeded(options).length > 0);
  const [defaults, others] = [groups.filter(isDefault), groups.filter((group) => !isDefault(group))];
  const backends = { group: 'backend_defaults', options: joinTables(schema.backend) };
  const sorted = [...others, backends].sort((a, b) => (a.group < b.group ? -1 : 1));
  const sections = [...defaults, ...sorted].map(
    ({ group, options }) =>
      `[${group}]\n\n${heeded(options)
        .map(([name, option]) => entry(group, name, option))
        .join('\n')}`,
  );
  return [introduction, ...sections].join('\n');
}

const introduction = [
  ...wrapped(
    'The options of volume-daemon with their defaults. A backend named in enabled_backends has a section of its own name; ' +
      'what stands there wins over [backend_defaults], and [DEFAULT] does not reach it. Options of the other Cinder ' +
      'services are accepted in the same file and have no effect here.',
  ),
  '',
].join('\n');

function isDefault({ group }: { group: string }): boolean {
  return group === 'DEFAULT';
}

function heeded(options: OptionTable): [string, Option<unknown>][] {
  return Object.entries(options)
    .filter(([, option]) => option.ignored !== true)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

const kinds: Readonly<Record<Option<unknown>['kind'], string>> = {
  str: 'string value',
  bool: 'boolean value',
  int: 'integer value',
  float: 'floating point value',
  port: 'port value',
  list: 'list value',
  dict: 'dict value',
  host: 'host address value',
  address: 'host:port value',
  multi: 'multi valued',
  'multi dict': 'multi valued dict',
};

function entry(group: string, name: string, option: Option<unknown>): string {
  const { kind, help, choices, min, max, was = [], removal, mutable } = option;
  const lines = [
    ...wrapped(`${help} (${kinds[kind]})`),
    ...(choices === undefined ? [] : wrapped(`Possible values: ${choices.join(', ')}`)),
    ...(min === undefined ? [] : [`# Minimum value: ${min}`]),
    ...(max === undefined ? [] : [`# Maximum value: ${max}`]),
    ...was.map((older) => {
      const dot = older.indexOf('.');
      const place = dot < 0 ? group : older.slice(0, dot);
      return `# Deprecated group/name - [${place}]/${older.slice(dot + 1)}`;
    }),
    ...(removal === undefined ? [] : wrapped(`This option is deprecated for removal: ${removal}`)),
    ...(mutable === true ? ['# Note: This option can be changed without restarting.'] : []),
    ...presets(option).map((text) => `#${name} = ${text}`.trimEnd()),
  ];
  return `${lines.join('\n')}\n`;
}

/** The default as it would stand in the file: a line for each item of a multi-valued option, one for all others. */
function presets({ kind, preset }: Option<unknown>): string[] {
  if (kind === 'multi' || kind === 'multi dict') {
    const items = Array.isArray(preset) ? preset.map(fileText) : [];
    return items.length > 0 ? items : [''];
  }
  if (preset === undefined || preset === null) return ['<None>'];
  if (kind === 'float' && typeof preset === 'number') return [str(new Float(preset))];
  return [Array.isArray(preset) ? preset.join(',') : fileText(preset)];
}

function fileText(value: unknown): string {
  const text = typeof value === 'boolean' ? String(value) : str(value);
  return text.trim() === text ? text : `"${text}"`;
}

function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = '#';
  for (const word of text.split(/\s+/)) {
    if (line !== '#' && line.length + 1 + word.length > 79) {
      lines.push(line);
      line = '#';
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
