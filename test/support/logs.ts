import type { Facts, Level, LogContext, Logger, Logs } from '../../src/base/log.ts';
import { logContext } from '../../src/base/log.ts';
import { levelNumbers } from '../../src/log/level.ts';
import { formatMessage } from '../../src/log/record.ts';

/** What somebody logged. */
export interface Logged {
  readonly level: Level;
  readonly name: string;
  readonly template: string;
  readonly values: readonly unknown[];
  readonly facts: Facts;
  readonly context: LogContext | undefined;
  /** The template with its values. */
  readonly message: string;
}

/** A log in memory. */
export interface RecordedLogs {
  readonly logs: Logs;
  readonly records: readonly Logged[];
  /** The messages so far, of one level or of all. */
  messages(level?: Level): string[];
}

/** Keeps every record from `threshold` on. */
export function recordingLogs(threshold: Level = 'DEBUG'): RecordedLogs {
  const records: Logged[] = [];
  const isEnabledFor = (level: Level): boolean => levelNumbers[level] >= levelNumbers[threshold];
  const logs: Logs = (name) => {
    const log: Logger['log'] = (level, facts, template, ...values) => {
      if (!isEnabledFor(level)) return;
      const message = formatMessage(template, values);
      records.push({ level, name, template, values, facts, context: logContext(), message });
    };
    return {
      debug: (template, ...values) => log('DEBUG', {}, template, ...values),
      info: (template, ...values) => log('INFO', {}, template, ...values),
      warning: (template, ...values) => log('WARNING', {}, template, ...values),
      error: (template, ...values) => log('ERROR', {}, template, ...values),
      exception: (error, template, ...values) => log('ERROR', { error }, template, ...values),
      log,
      isEnabledFor,
    };
  };
  return {
    logs,
    records,
    messages: (level) => records.filter((one) => level === undefined || one.level === level).map((one) => one.message),
  };
}

export interface LoggedLine {
  readonly level: Level;
  readonly name: string;
  readonly text: string;
  readonly error?: unknown;
}

/** Logs that remember what was written, with the values put in. */
export interface RecordedLines {
  readonly logs: Logs;
  readonly lines: readonly LoggedLine[];
  /** The texts of the lines at a level. */
  at(level: Level): string[];
}

export function recordedLogs(): RecordedLines {
  const lines: LoggedLine[] = [];
  const logs: Logs = (name) => {
    const write = (level: Level, template: string, values: readonly unknown[], error?: unknown): void => {
      lines.push({ level, name, text: filled(template, values), ...(error === undefined ? {} : { error }) });
    };
    const logger: Logger = {
      debug: (template, ...values) => write('DEBUG', template, values),
      info: (template, ...values) => write('INFO', template, values),
      warning: (template, ...values) => write('WARNING', template, values),
      error: (template, ...values) => write('ERROR', template, values),
      exception: (error, template, ...values) => write('ERROR', template, values, error),
      log: (level, facts, template, ...values) => write(level, template, values, facts.error),
      isEnabledFor: () => true,
    };
    return logger;
  };
  return { logs, lines, at: (level) => lines.filter((line) => line.level === level).map(({ text }) => text) };
}

function filled(template: string, values: readonly unknown[]): string {
  let next = 0;
  return template.replace(/%(?:\.\d+)?[sdrf]/g, () => String(values[next++]));
}
