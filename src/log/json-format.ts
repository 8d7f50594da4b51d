import { repr, str } from '../base/python-text.ts';
import { contextValue, contextValues } from './context-values.ts';
import type { LogIdentity } from './identity.ts';
import { compileAsctime, compileIdentity, sinceStart, summaryOf, thisHost } from './layout.ts';
import { mask } from './mask.ts';
import type { LogRecord } from './record.ts';
import type { Format } from './text-format.ts';

/** How times and users are printed. */
interface JsonDetails {
  readonly datefmt: string | undefined;
  readonly userIdentity: string;
}

/** One JSON object a record, with the keys of oslo's JSONFormatter in its order and ours at the end (G-030 to G-035). */
export function jsonFormat(details: JsonDetails, identity: LogIdentity): Format {
  const asctime = compileAsctime(details.datefmt);
  const context = contextPrinter(details.userIdentity);
  return {
    needsCaller: () => true,
    render: (record) =>
      JSON.stringify({
        message: record.message,
        asctime: asctime(record.created),
        name: record.name,
        msg: mask(record.template),
        args: argumentsOf(record),
        levelname: record.level,
        levelno: record.levelno,
        pathname: record.caller?.pathname ?? null,
        filename: record.caller?.filename ?? null,
        module: record.caller?.module ?? null,
        lineno: record.caller?.lineno ?? null,
        funcname: record.caller?.funcName ?? null,
        created: record.created / 1000,
        msecs: record.created % 1000,
        relative_created: sinceStart(record.created),
        thread: process.pid,
        thread_name: 'MainThread',
        process_name: 'MainProcess',
        process: process.pid,
        traceback: tracebackOf(record),
        hostname: thisHost,
        error_summary: summaryOf(record),
        context: context(record),
        extra: extraOf(record, identity),
        service_host: identity.serviceHost ?? null,
        role: identity.role,
        event: record.event ?? null,
      }),
  };
}

/** The object that oslo's FluentFormatter hands to fluentd, as a line of JSON (G-007). */
export function fluentFormat(details: JsonDetails, identity: LogIdentity): Format {
  const asctime = compileAsctime(details.datefmt);
  const context = contextPrinter(details.userIdentity);
  const cmdline = mask(process.argv.join(' '));
  return {
    needsCaller: () => true,
    render: (record) =>
      JSON.stringify({
        message: record.message,
        time: asctime(record.created),
        name: record.name,
        level: record.level,
        filename: record.caller?.filename ?? null,
        lineno: record.caller?.lineno ?? null,
        module: record.caller?.module ?? null,
        funcname: record.caller?.funcName ?? null,
        process_name: 'MainProcess',
        cmdline,
        hostname: thisHost,
        traceback: tracebackOf(record),
        error_summary: summaryOf(record),
        context: context(record),
        extra: extraOf(record, identity),
      }),
  };
}

function contextPrinter(format: string): (record: LogRecord) => Record<string, unknown> {
  const identity = compileIdentity(format);
  return (record) => {
    const { context } = record;
    if (context === undefined) return {};
    return { ...contextValues(context), user_identity: contextValue(context, 'user_identity') ?? identity(record) };
  };
}

function tracebackOf({ error }: LogRecord): readonly string[] | null {
  return error === undefined || error.lines.length === 0 ? null : error.lines;
}

function extraOf({ resource }: LogRecord, { version }: LogIdentity): Record<string, unknown> {
  return { project: 'cinder', version, ...(resource === undefined ? {} : { resource }) };
}

/** The values of the record; of a dictionary only what the template names, as in Python. */
function argumentsOf(record: LogRecord): unknown {
  const { template, values } = record;
  const used = [...template.matchAll(/(?<!%)(?:%%)*%\((\w+)\)/g)].map((match) => match[1] ?? '');
  const [only] = values;
  if (used.length === 0 || typeof only !== 'object' || only === null) {
    return values.map((value) => argument(record, value));
  }
  const named = Object.entries(only).filter(([name]) => used.includes(name));
  return Object.fromEntries(named.map(([name, value]) => [name, argument(record, value)]));
}

/**
 * A value, as long as it says no more than the message does: that a value is secret may be seen from the template alone
 * (`password=%s`), or from its neighbours in a list (`['--password', 'x']`).
 */
function argument({ message }: LogRecord, value: unknown): unknown {
  try {
    const text = str(value);
    const shown = mask(text);
    if (message.includes('***') && !message.includes(shown)) return '***';
    return shown === text ? jsonValue(value, 0) : shown;
  } catch {
    // A getter of the value throws: the message says as much.
    return '<unprintable>';
  }
}

/** What JSON can carry as it is; everything else as text (G-033). */
function jsonValue(value: unknown, depth: number): unknown {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : str(value);
  if (depth > 8) return repr(value);
  if (Array.isArray(value)) return value.map((item) => jsonValue(item, depth + 1));
  if (typeof value === 'object' && [Object.prototype, null].includes(Object.getPrototypeOf(value))) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, jsonValue(item, depth + 1)]));
  }
  return str(value);
}
