import type { Level, Logger, Logs } from '../../src/base/log.ts';

export interface LoggedLine {
  readonly level: Level;
  readonly name: string;
  readonly text: string;
  readonly error?: unknown;
}

/** Logs that remember what was written, with the values put in. */
export interface RecordedLogs {
  readonly logs: Logs;
  readonly lines: readonly LoggedLine[];
  /** The texts of the lines at a level. */
  at(level: Level): string[];
}

export function recordedLogs(): RecordedLogs {
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
