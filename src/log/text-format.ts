import { repr } from '../base/python-text.ts';
import { contextValue } from './context-values.ts';
import type { LogIdentity } from './identity.ts';
import {
  asksForCaller,
  colors,
  compileAsctime,
  compileIdentity,
  compileLayout,
  type Layout,
  type Scene,
  summaryOf,
} from './layout.ts';
import { type FormatValues, formatOptions } from './options.ts';
import type { LogRecord } from './record.ts';

/** Turns a record into the text of a sink, without the last line break. */
export interface Format {
  render(record: LogRecord): string;
  /** Whether records of this level must carry the place of their call. */
  needsCaller(levelno: number): boolean;
}

/** The format of oslo's ContextFormatter (G-010 to G-020). A format that cannot be used is replaced by its preset. */
export function contextFormat(
  values: FormatValues,
  identity: LogIdentity,
  details: { readonly color: boolean; readonly datefmt: string | undefined },
): Format {
  const scene: Scene = {
    identity,
    color: details.color,
    asctime: compileAsctime(details.datefmt),
    userIdentity: usable('logging_user_identity_format', values, compileIdentity),
    instance: instancePrinter(values),
  };
  const withContext = layoutOf(values.logging_context_format_string, scene);
  const without = layoutOf(values.logging_default_format_string, scene);
  const suffix = usable('logging_debug_format_suffix', values, (format) => compileLayout(format, scene));
  const prefix = usable('logging_exception_prefix', values, (format) => compileLayout(format, scene));
  const hasSuffix = values.logging_debug_format_suffix !== '';
  const suffixAsks = hasSuffix && asksForCaller(suffix);
  const alwaysAsks = [withContext, without, prefix].some(asksForCaller);

  return {
    needsCaller: (levelno) => alwaysAsks || (levelno === 10 && suffixAsks),
    render(record) {
      const layout = record.context?.request_id ? withContext : without;
      const end = record.levelno === 10 && hasSuffix ? ` ${whole(suffix, record)}` : '';
      const reset = details.color && layout.names.has('color') && !layout.names.has('reset_color') ? colors.reset : '';
      return lines(layout, record, end, scene) + reset + stack(record, () => whole(prefix, record));
    },
  };
}

/** Python's plain Formatter, as a file of `log_config_append` may name it. Its stack lines repeat the head (G-018). */
export function plainFormat(format: string, datefmt: string | undefined, identity: LogIdentity): Format {
  const scene: Scene = {
    identity,
    color: false,
    asctime: compileAsctime(datefmt),
    userIdentity: compileIdentity(formatOptions.logging_user_identity_format.preset),
    instance: ({ resource }) => resource ?? '',
  };
  const layout = layoutOf(format, scene);
  return {
    needsCaller: () => asksForCaller(layout),
    render: (record) => lines(layout, record, '', scene) + stack(record, () => layout.head(record)),
  };
}

/** What an operator should know of formats that cannot be used: one line an option. */
export function formatWarnings(values: FormatValues, identity: LogIdentity): string[] {
  const text = (): string => '';
  const scene: Scene = { identity, color: false, asctime: text, userIdentity: text, instance: text };
  return (
    [
      ['logging_context_format_string', 'its records say so'],
      ['logging_default_format_string', 'its records say so'],
      ['logging_debug_format_suffix', 'the preset is used'],
      ['logging_exception_prefix', 'the preset is used'],
      ['logging_user_identity_format', 'the preset is used'],
    ] as const
  ).flatMap(([name, consequence]) => {
    const compile =
      name === 'logging_user_identity_format' ? compileIdentity : (format: string) => compileLayout(format, scene);
    const problem = problemOf(values[name], compile);
    return problem === undefined ? [] : [`${name} is no usable format: ${repr(problem)}; ${consequence}`];
  });
}

/** The message with the prefix on each of its lines (G-018), the summary of its error behind it (G-016). */
function lines(layout: Layout, record: LogRecord, end: string, scene: Scene): string {
  try {
    const summary = layout.names.has('error_summary') ? '' : summaryOf(record);
    const head = layout.head(record);
    const tail = layout.tail(record) + (summary === '' ? '' : `: ${summary}`) + end;
    return head + (tail.includes('\n') ? tail.split(/\r?\n/).join(`\n${head}`) : tail);
  } catch (error) {
    return whole(complaint(error, scene), record) + end;
  }
}

/** The lines of the stack, each with the prefix, and an empty one at the end (G-017). */
function stack(record: LogRecord, prefixOf: () => string): string {
  const { error } = record;
  if (error === undefined || error.lines.length === 0) return '';
  const prefix = prefixOf();
  return `\n${[...error.lines, ''].map((line) => prefix + line).join('\n')}`;
}

function whole(layout: Layout, record: LogRecord): string {
  return layout.head(record) + layout.tail(record);
}

/** The layout of a format; of one that is none, a layout that says so. */
function layoutOf(format: string, scene: Scene): Layout {
  try {
    return compileLayout(format, scene);
  } catch (error) {
    return complaint(error, scene);
  }
}

/** Loses nothing of a record that its format cannot print (G-011). */
function complaint(error: unknown, scene: Scene): Layout {
  const preset = compileLayout(formatOptions.logging_default_format_string.preset, scene);
  return {
    ...preset,
    tail: (record) => `Error formatting log line msg=${repr(record.message)} err=${repr(error)}`,
  };
}

/** Compiles a format option; where it is no format, of which `formatWarnings` tells, its preset. */
function usable<T>(name: keyof FormatValues, values: FormatValues, compile: (format: string) => T): T {
  return problemOf(values[name], compile) === undefined ? compile(values[name]) : compile(formatOptions[name].preset);
}

function problemOf(format: string, compile: (format: string) => unknown): unknown {
  try {
    compile(format);
    return undefined;
  } catch (error) {
    return error;
  }
}

const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** What `%(instance)s` prints: the resource of the record, else that of the context (G-014). */
function instancePrinter(values: FormatValues): (record: LogRecord) => string {
  return ({ resource, context }) => {
    const about = resource ?? (context === undefined ? undefined : contextValue(context, 'resource_uuid'));
    if (typeof about !== 'string' || about === '') return '';
    const format = uuid.test(about) ? values.instance_uuid_format : values.instance_format;
    return format.replaceAll('%(uuid)s', about);
  };
}
