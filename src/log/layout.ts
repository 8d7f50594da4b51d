import { hostname } from 'node:os';
import { performance } from 'node:perf_hooks';
import type { Level } from '../base/log.ts';
import { contextValue } from './context-values.ts';
import type { LogIdentity } from './identity.ts';
import { type Conversion, converter, type Piece, parsePercent } from './percent.ts';
import type { LogRecord } from './record.ts';
import { compileStrftime, zoneOffset } from './strftime.ts';

/** One record as text, in the two parts that a message of several lines needs (G-018). */
export interface Layout {
  /** What stands before the message: the prefix of each of its lines. */
  head(record: LogRecord): string;
  /** The message and what follows it. */
  tail(record: LogRecord): string;
  /** The placeholders that occur. */
  readonly names: ReadonlySet<string>;
}

/** What placeholders print beside the record. */
export interface Scene {
  readonly identity: LogIdentity;
  readonly color: boolean;
  asctime(time: number): string;
  userIdentity(record: LogRecord): string;
  instance(record: LogRecord): string;
}

/** Makes the layout of a format string. Throws for what is no format, and KeyError for a name that there is not (G-011). */
export function compileLayout(format: string, scene: Scene): Layout {
  const pieces = parsePercent(format);
  const names = new Set(pieces.flatMap((piece) => (typeof piece === 'string' ? [] : [piece.name ?? ''])));
  const message = pieces.findIndex((piece) => typeof piece !== 'string' && piece.name === 'message');
  const middle = message < 0 ? pieces.length : message;
  return {
    head: printer(pieces.slice(0, middle), scene),
    tail: printer(pieces.slice(middle), scene),
    names,
  };
}

/** What `%(user_identity)s` prints: what is missing is a dash, also a name that there is not (G-013). */
export function compileIdentity(format: string): (record: LogRecord) => string {
  const pieces = parsePercent(format).map((piece) => {
    if (typeof piece === 'string') return piece;
    const { convert, name } = prepared(piece);
    return ({ context }: LogRecord) => convert((context && contextValue(context, name)) || '-');
  });
  return (record) => (record.context === undefined ? '' : print(pieces, record));
}

/** `%(asctime)s`: by the pattern, or as Python prints it without one, with milliseconds after a comma. */
export function compileAsctime(pattern: string | undefined): (time: number) => string {
  if (pattern !== undefined) return compileStrftime(pattern);
  const seconds = compileStrftime('%Y-%m-%d %H:%M:%S');
  return (time) => `${seconds(time)},${String(time % 1000).padStart(3, '0')}`;
}

/** The placeholders that tell where a record was logged. */
const callerNames = ['pathname', 'filename', 'module', 'lineno', 'funcName'] as const;

/** Whether a layout needs the place of the call, which costs some microseconds to find. */
export function asksForCaller(layout: Layout): boolean {
  return callerNames.some((name) => layout.names.has(name));
}

/** Asked once: each call is a system call. */
export const thisHost = hostname();

/** Begun when the process began: the zero of `relativeCreated`. */
export function sinceStart(time: number): number {
  return Math.round(time - performance.timeOrigin);
}

/** Upstream's colours (G-020); `reset` ends one. */
export const colors: Readonly<Record<Level | 'reset', string>> = {
  DEBUG: '\x1b[00;32m',
  INFO: '\x1b[00;36m',
  WARNING: '\x1b[01;33m',
  ERROR: '\x1b[01;31m',
  CRITICAL: '\x1b[01;31m',
  reset: '\x1b[00m',
};

class KeyError extends Error {
  override readonly name = 'KeyError';
}

type Part = string | ((record: LogRecord) => string);

function printer(pieces: readonly Piece[], scene: Scene): (record: LogRecord) => string {
  const parts = pieces.map((piece): Part => {
    if (typeof piece === 'string') return piece;
    const { convert, name } = prepared(piece);
    const field = fields[name];
    if (field === undefined) throw new KeyError(name);
    return (record) => convert(field(record, scene));
  });
  return (record) => print(parts, record);
}

function print(parts: readonly Part[], record: LogRecord): string {
  let text = '';
  for (const part of parts) text += typeof part === 'string' ? part : part(record);
  return text;
}

function prepared(piece: Conversion): { convert: (value: unknown) => string; name: string } {
  if (piece.name === undefined || piece.width === '*' || piece.precision === '*') {
    throw new KeyError('a conversion without a name');
  }
  return { convert: converter(piece), name: piece.name };
}

type Field = (record: LogRecord, scene: Scene) => unknown;

/** An attribute of the context, as Python prints it; `absent` where the record has no context. */
function ofContext(key: string, absent: string): Field {
  return ({ context }) => (context === undefined ? absent : contextValue(context, key));
}

const fields: Readonly<Record<string, Field>> = {
  asctime: (record, scene) => scene.asctime(record.created),
  msecs: (record) => record.created % 1000,
  created: (record) => record.created / 1000,
  relativeCreated: (record) => sinceStart(record.created),
  isotime: (record) => isotime(record.created),
  process: () => process.pid,
  processName: () => 'MainProcess',
  thread: () => process.pid,
  threadName: () => 'MainThread',
  name: (record) => record.name,
  levelname: (record) => record.level,
  levelno: (record) => record.levelno,
  message: (record) => record.message.replace(/\n+$/, ''),
  pathname: (record) => record.caller?.pathname ?? '',
  filename: (record) => record.caller?.filename ?? '',
  module: (record) => record.caller?.module ?? '',
  lineno: (record) => record.caller?.lineno ?? 0,
  funcName: (record) => record.caller?.funcName ?? '',
  project: () => 'cinder',
  version: (_record, scene) => scene.identity.version,
  hostname: () => thisHost,
  instance: (record, scene) => scene.instance(record),
  resource: (record) => (record.resource === undefined ? '' : `[${record.resource}] `),
  color: (record, scene) => (scene.color ? colors[record.level] : ''),
  reset_color: (_record, scene) => (scene.color ? colors.reset : ''),
  error_summary: (record) => summaryOf(record) || '-',
  user_identity: (record, scene) => scene.userIdentity(record),
  request_id: ofContext('request_id', '-'),
  global_request_id: ofContext('global_request_id', ''),
  user_name: ofContext('user_name', ''),
  user: ofContext('user', '-'),
  project_name: ofContext('project_name', ''),
  project_id: ofContext('project_id', '-'),
  tenant: ofContext('tenant', '-'),
  domain: ofContext('domain', '-'),
  user_domain: ofContext('user_domain', '-'),
  project_domain: ofContext('project_domain', '-'),
  system_scope: ofContext('system_scope', '-'),
  remote_address: ofContext('remote_address', '-'),
  resource_uuid: ofContext('resource_uuid', '-'),
  is_admin: ofContext('is_admin', '-'),
};

/** The summary of an error ends records at WARNING and above (G-016). */
export function summaryOf(record: LogRecord): string {
  return record.levelno < 30 ? '' : (record.error?.summary ?? '');
}

/** Local time as ISO 8601 with microseconds and zone. */
function isotime(time: number): string {
  const date = new Date(time);
  return `${isoSeconds(time)}.${String(time % 1000).padStart(3, '0')}000${zoneOffset(date, ':')}`;
}

const isoSeconds = compileStrftime('%Y-%m-%dT%H:%M:%S');
