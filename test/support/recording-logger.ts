import { format } from 'node:util';
import type { Level, Logger } from '../../src/base/log.ts';

export interface RecordingLogger extends Logger {
  readonly lines: string[];
}

/** A logger that keeps its records as `LEVEL text`. */
export function aLogger(): RecordingLogger {
  const lines: string[] = [];
  const write = (level: Level, template: string, values: readonly unknown[]): void => {
    lines.push(`${level} ${format(template.replace(/%0?\.\d+f/g, '%s').replace(/%[rd]/g, '%s'), ...values)}`);
  };
  return {
    lines,
    debug: (template, ...values) => write('DEBUG', template, values),
    info: (template, ...values) => write('INFO', template, values),
    warning: (template, ...values) => write('WARNING', template, values),
    error: (template, ...values) => write('ERROR', template, values),
    exception: (_error, template, ...values) => write('ERROR', template, values),
    log: (level, _facts, template, ...values) => write(level, template, values),
    isEnabledFor: () => true,
  };
}
