import type { Facts, Level, LogContext } from '../base/log.ts';
import { repr } from '../base/python-text.ts';
import { DatabaseError } from '../interface/database.ts';
import type { Caller } from './caller.ts';
import { type ErrorText, errorText } from './error-text.ts';
import { levelNumbers } from './level.ts';
import { mask } from './mask.ts';
import { compileTemplate } from './percent.ts';

/** One record on its way to the sinks. Text in it is masked, but for `template` and `values`. */
export interface LogRecord {
  readonly level: Level;
  readonly levelno: number;
  readonly name: string;
  readonly template: string;
  readonly values: readonly unknown[];
  readonly message: string;
  /** Epoch milliseconds. */
  readonly created: number;
  readonly context: LogContext | undefined;
  readonly error: ErrorText | undefined;
  readonly resource: string | undefined;
  readonly event: string | undefined;
  /** The outage that the record is part of, or the end of. */
  readonly outage: string | undefined;
  readonly recovered: string | undefined;
  /** Known where a format asks for it. */
  readonly caller: Caller | undefined;
}

interface RecordParts {
  readonly level: Level;
  readonly facts: Facts;
  readonly name: string;
  readonly template: string;
  readonly values: readonly unknown[];
  readonly context: LogContext | undefined;
  readonly caller: Caller | undefined;
}

/** Makes a record of now. A template that does not fit its values gives a record that says so (G-011). */
export function makeRecord(parts: RecordParts): LogRecord {
  const { level, facts, name, template, values, context, caller } = parts;
  return {
    level,
    levelno: levelNumbers[level],
    name,
    template,
    values,
    message: mask(formatMessage(template, values)),
    created: Date.now(),
    context,
    error: facts.error === undefined ? undefined : errorText(facts.error),
    resource: facts.resource,
    event: facts.event,
    outage: facts.outage ?? outageOf(facts.error),
    recovered: facts.recovered,
    caller,
  };
}

/** Inserts the values into a template. Without values the template is the text, percent signs and all, as in Python. */
export function formatMessage(template: string, values: readonly unknown[]): string {
  if (values.length === 0) return template;
  try {
    return compiled(template)(values);
  } catch (error) {
    return `Error formatting log line msg=${repr(template)} err=${attempt(error)} args=${attempt(values)}`;
  }
}

/** A database that is away or full is an outage wherever its error turns up (G-062). */
function outageOf(error: unknown): string | undefined {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    if (cause instanceof DatabaseError) return cause.kind === 'refused' ? undefined : 'database';
  }
  return undefined;
}

/** A value may have getters that throw. */
function attempt(value: unknown): string {
  try {
    return repr(value);
  } catch {
    return '<unprintable>';
  }
}

const templates = new Map<string, (values: readonly unknown[]) => string>();

/** Templates are fixed texts of the source; the bound is for code that makes them up. */
function compiled(template: string): (values: readonly unknown[]) => string {
  const known = templates.get(template);
  if (known !== undefined) return known;
  const made = compileTemplate(template);
  if (templates.size >= 2000) templates.clear();
  templates.set(template, made);
  return made;
}

/** The same record with more at the end of its message. */
export function withSuffix(record: LogRecord, template: string, values: readonly unknown[]): LogRecord {
  const message = record.message + formatMessage(template, values);
  return { ...record, template: record.template + template, values: [...record.values, ...values], message };
}
