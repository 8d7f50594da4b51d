import type { LogLevels } from '../base/log.ts';
import { type LogLevel, logLevelListCodec } from '../objects/log-level.ts';

/** The answer of get_log_levels: every known logger whose name begins with the prefix, and its level (G-043). */
export function getLogLevels(log: LogLevels, request: LogLevel): unknown {
  const objects = [...log.levels(request.prefix ?? '')].map(([prefix, level]) => ({ prefix, level }));
  return logLevelListCodec.encode({ objects }, ['objects']);
}

/** Throws InvalidInput for what is no level. */
export function setLogLevels(log: LogLevels, request: LogLevel): null {
  log.setLevels(request.prefix ?? '', request.level ?? '');
  return null;
}
