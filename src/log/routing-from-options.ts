import { isAbsolute, join, resolve } from 'node:path';
import { makeFolderSync } from '../base/folders.ts';
import { LogError, type LogIdentity, reasonOf } from './identity.ts';
import { levelNumbers, parseLevel } from './level.ts';
import type { LogValues } from './options.ts';
import { facilityNumber } from './priority.ts';
import { intervals } from './rotation.ts';
import type { FormatSpec, LoggerRule, Outlet, RotationSpec, Routing, SinkSpec } from './routing.ts';
import { formatWarnings } from './text-format.ts';

/**
 * The table of sinks (logging.md §1) and the levels of `default_log_levels`. Throws LogError for a value that cannot be.
 * The supervisor alone warns: the workers read the same values.
 */
export function routingFromOptions(values: LogValues, identity: LogIdentity): Routing {
  const rules = new Map<string, LoggerRule>();
  for (const [name, level] of defaultLevels(values.default_log_levels)) {
    rules.set(name, { level: level === 0 ? undefined : level, outlets: [], propagate: true });
  }
  const usual = values.debug ? levelNumbers.DEBUG : levelNumbers[identity.rootLevel ?? 'INFO'];
  const level = rules.get('root')?.level ?? rules.get('')?.level ?? usual;
  const outlets = sinks(values, identity).map((sink) => outlet(values, sink));
  rules.set('', { level, outlets, propagate: false });
  return { rules, warnings: warningsOf(values, identity) };
}

function warningsOf(values: LogValues, identity: LogIdentity): string[] {
  if (identity.role !== 'supervisor') return [];
  const warnings = values.use_json ? [] : formatWarnings(values, identity);
  if (values.use_journal)
    warnings.push('use_journal: journald gets no fields but the text, its priority and its sender');
  return warnings;
}

/** The log file of these values; undefined when they name none. */
export function logFileOf(
  { log_file, log_dir }: Pick<LogValues, 'log_file' | 'log_dir'>,
  program: string,
): string | undefined {
  if (log_file !== undefined)
    return resolve(log_dir === undefined || isAbsolute(log_file) ? log_file : join(log_dir, log_file));
  return log_dir === undefined ? undefined : resolve(log_dir, `${program}.log`);
}

function defaultLevels(items: readonly string[]): [string, number][] {
  return items.map((item) => {
    const equals = item.indexOf('=');
    const level = equals < 0 ? undefined : parseLevel(item.slice(equals + 1));
    if (level === undefined) {
      throw new LogError(`default_log_levels: '${item}' is not logger=LEVEL with a level such as WARNING or a number`);
    }
    return [item.slice(0, equals).trim(), level];
  });
}

function sinks(values: LogValues, { program }: LogIdentity): SinkSpec[] {
  const path = logFileOf(values, program);
  const found: SinkSpec[] = [];
  if (path !== undefined) found.push(file(values, path));
  if (values.use_stderr) found.push({ kind: 'stderr' });
  if (values.use_journal) found.push({ kind: 'journal', facility: facilityNumber(values.syslog_log_facility) });
  if (found.length === 0) found.push({ kind: 'stdout' });
  if (values.use_syslog) {
    found.push({ kind: 'syslog', facility: facilityNumber(values.syslog_log_facility), socket: undefined });
  }
  return found;
}

function outlet(values: LogValues, sink: SinkSpec): Outlet {
  const datefmt = values.log_date_format;
  const color = values.log_color && (sink.kind === 'stdout' || sink.kind === 'stderr');
  const format: FormatSpec = values.use_json ? { kind: 'json', datefmt } : { kind: 'context', datefmt, color };
  return { sink, format, level: 'DEBUG' };
}

/** `log_dir` is made when it is missing (O-33). */
function file(values: LogValues, path: string): SinkSpec {
  if (values.log_dir !== undefined) makeDirectory(values.log_dir);
  return {
    kind: 'file',
    path,
    compare: !values.watch_log_file,
    rotation: rotation(values),
    alsoOnStderr: values.use_stderr,
  };
}

function makeDirectory(path: string): void {
  try {
    makeFolderSync(resolve(path), 0o750);
  } catch (error) {
    throw new LogError(`cannot make log_dir ${path}: ${reasonOf(error)} (uid ${process.getuid?.() ?? '?'})`, {
      cause: error,
    });
  }
}

function rotation(values: LogValues): RotationSpec {
  const count = values.max_logfile_count;
  switch (values.log_rotation_type.toLowerCase()) {
    case 'size':
      return { type: 'size', bytes: values.max_logfile_size_mb * 1024 * 1024, count };
    case 'interval': {
      const unit = intervals.find((one) => one === values.log_rotate_interval_type.toLowerCase()) ?? 'days';
      const amount = values.log_rotate_interval;
      if (unit === 'weekday' && (amount < 0 || amount > 6)) {
        throw new LogError(`log_rotate_interval: with Weekday it is a day from 0 (Monday) to 6, not ${amount}`);
      }
      return { type: 'interval', unit, amount, count };
    }
    default:
      return { type: 'none' };
  }
}
