import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Level } from '../base/log.ts';
import { LogError, reasonOf } from './identity.ts';
import { levelNumbers, levels, parseLevel } from './level.ts';
import { facilityNumber } from './priority.ts';
import { type PythonSections, parsePythonIni } from './python-ini.ts';
import { type PythonValue, parsePythonLiteral } from './python-literal.ts';
import type { FormatSpec, LoggerRule, Outlet, RotationSpec, Routing, SinkSpec } from './routing.ts';

/**
 * The file of `log_config_append`: Python's logging configuration, as far as it is found in the field (G-007). A handler
 * that is something else is left out with a warning, and the records of its logger go where those of the root go. Throws
 * LogError when the file cannot be read or contradicts itself.
 */
export function routingFromFile(path: string): Routing {
  try {
    return new Configuration(parsePythonIni(readFileSync(path, 'utf8')), path).routing();
  } catch (error) {
    throw new LogError(`Error loading logging config ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

type Section = ReadonlyMap<string, string>;

class Configuration {
  readonly #sections: PythonSections;
  readonly #path: string;
  readonly #warnings: string[] = [];
  readonly #handlers = new Map<string, Outlet | undefined>();

  constructor(sections: PythonSections, path: string) {
    this.#sections = sections;
    this.#path = path;
  }

  routing(): Routing {
    const formats = new Map(this.#keys('formatters').map((key) => [key, this.#format(key)]));
    for (const key of this.#keys('handlers')) this.#handlers.set(key, this.#handler(key, formats));
    const rules = new Map<string, LoggerRule>();
    for (const key of this.#keys('loggers')) {
      const section = this.#section(`logger_${key}`);
      const name = key === 'root' ? '' : (section.get('qualname') ?? key);
      rules.set(name, this.#rule(key, section));
    }
    const root = rules.get('');
    if (root === undefined) throw new LogError('[loggers] has no root');
    if (root.outlets.length === 0) rules.set('', { ...root, outlets: [lastResort] });
    return { rules, warnings: this.#warnings };
  }

  #rule(key: string, section: Section): LoggerRule {
    const named = words(section.get('handlers'));
    for (const handler of named) {
      if (!this.#handlers.has(handler)) throw new LogError(`[logger_${key}]: there is no handler '${handler}'`);
    }
    const outlets = named.flatMap((handler) => this.#handlers.get(handler) ?? []);
    const isRoot = key === 'root';
    const propagate = !isRoot && (section.get('propagate') ?? '1') !== '0';
    return {
      level: this.#level(`logger_${key}`, section) || (isRoot ? levelNumbers.WARNING : undefined),
      outlets,
      propagate: propagate || (!isRoot && outlets.length < named.length),
    };
  }

  #handler(key: string, formats: ReadonlyMap<string, FormatSpec>): Outlet | undefined {
    const section = this.#section(`handler_${key}`);
    const sink = sinkOf(section);
    if (sink === undefined) {
      const what = `${section.get('class') ?? 'without a class'}${section.get('args') ?? ''}`;
      this.#warnings.push(
        `Log handler '${key}' of ${this.#path} is not supported (${what}), its records go to the root logger`,
      );
      return undefined;
    }
    const name = section.get('formatter') ?? '';
    const format = formats.get(name);
    if (name !== '' && format === undefined) throw new LogError(`[handler_${key}]: there is no formatter '${name}'`);
    const threshold = this.#level(`handler_${key}`, section) ?? 0;
    const level: Level = levels.find((one) => levelNumbers[one] >= threshold) ?? 'CRITICAL';
    return { sink, format: format ?? bare, level };
  }

  #format(key: string): FormatSpec {
    const section = this.#section(`formatter_${key}`);
    const datefmt = section.get('datefmt') || undefined;
    switch (/[^.]*$/.exec(section.get('class') ?? 'Formatter')?.[0]) {
      case 'ContextFormatter':
        return { kind: 'context', datefmt, color: false };
      case 'JSONFormatter':
        return { kind: 'json', datefmt };
      case 'FluentFormatter':
        return { kind: 'fluent', datefmt };
      case 'Formatter':
        return { kind: 'plain', format: section.get('format') || '%(message)s', datefmt };
      default:
        this.#warnings.push(
          `Log formatter '${key}' of ${this.#path} is not supported (${section.get('class')}), oslo's is used`,
        );
        return { kind: 'context', datefmt, color: false };
    }
  }

  /** Undefined: none is named. */
  #level(where: string, section: Section): number | undefined {
    const word = section.get('level');
    if (word === undefined || word === '') return undefined;
    const level = parseLevel(word);
    if (level === undefined) throw new LogError(`[${where}]: unknown level '${word}'`);
    return level;
  }

  #keys(kind: string): string[] {
    return words(this.#section(kind).get('keys'));
  }

  #section(name: string): Section {
    const section = this.#sections.get(name);
    if (section === undefined) throw new LogError(`there is no section [${name}]`);
    return section;
  }
}

const bare: FormatSpec = { kind: 'plain', format: '%(message)s', datefmt: undefined };
const lastResort: Outlet = {
  sink: { kind: 'stdout' },
  format: { kind: 'context', datefmt: '%Y-%m-%d %H:%M:%S', color: false },
  level: 'DEBUG',
};

function words(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

/** The place that a handler's class and arguments name; undefined for what is not supported. */
function sinkOf(section: Section): SinkSpec | undefined {
  const args = argumentsOf(section);
  if (args === undefined) return undefined;
  const name = (section.get('class') ?? '').replace(/^logging\./, '').replace(/^handlers\./, '');
  switch (name) {
    case 'NullHandler':
      return { kind: 'null' };
    case 'StreamHandler':
      return stream(args.take(0, 'stream'));
    case 'FileHandler':
    case 'WatchedFileHandler':
      return file(args.take(0, 'filename'), { type: 'none' });
    case 'RotatingFileHandler': {
      const bytes = args.take(2, 'maxBytes') ?? 0;
      const count = args.take(3, 'backupCount') ?? 0;
      if (typeof bytes !== 'number' || typeof count !== 'number') return undefined;
      return file(args.take(0, 'filename'), { type: 'size', bytes, count });
    }
    case 'SysLogHandler':
      return syslog(args.take(0, 'address'), args.take(1, 'facility'));
    default:
      return undefined;
  }
}

interface Arguments {
  /** An argument by its place or its name. */
  take(place: number, name: string): PythonValue | undefined;
}

function argumentsOf(section: Section): Arguments | undefined {
  const text = (key: string, preset: string): string => (section.get(key) ?? preset).replaceAll('%%', '%');
  const given = parsePythonLiteral(text('args', '()'));
  const named = parsePythonLiteral(text('kwargs', '{}'));
  if (given === undefined || !(named instanceof Map)) return undefined;
  const places = Array.isArray(given) ? given : [given];
  return { take: (place, name) => places[place] ?? named.get(name) };
}

function stream(value: PythonValue | undefined): SinkSpec | undefined {
  if (value === undefined || value === null) return { kind: 'stderr' };
  switch (nameOf(value)) {
    case 'sys.stdout':
      return { kind: 'stdout' };
    case 'sys.stderr':
      return { kind: 'stderr' };
    default:
      return undefined;
  }
}

function file(value: PythonValue | undefined, rotation: RotationSpec): SinkSpec | undefined {
  if (typeof value !== 'string') return undefined;
  return { kind: 'file', path: resolve(value), compare: true, rotation, alsoOnStderr: false };
}

function syslog(address: PythonValue | undefined, facility: PythonValue | undefined): SinkSpec | undefined {
  if (typeof address !== 'string') return undefined;
  const named = typeof facility === 'string' ? facility : (nameOf(facility)?.replace(/^.*\./, '') ?? 'LOG_USER');
  return { kind: 'syslog', facility: typeof facility === 'number' ? facility : facilityNumber(named), socket: address };
}

function nameOf(value: PythonValue | undefined): string | undefined {
  return typeof value === 'object' && value !== null && 'name' in value ? value.name : undefined;
}
