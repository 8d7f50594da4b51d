import { type LogLevel, logLevelListCodec } from '../objects/log-level.ts';

/** The part of the log that can be turned up and down at run time (G-043). */
export interface LogLevels {
  /** Every known logger whose name starts with `prefix`, with its effective level. */
  levels(prefix: string): readonly { readonly name: string; readonly level: string }[];
  /** Sets the level of those loggers. Throws InvalidInput for a word that is no level. */
  setLevel(prefix: string, level: string): void;
}

export function getLogLevels(log: LogLevels, request: LogLevel): unknown {
  const objects = log.levels(request.prefix ?? '').map(({ name, level }) => ({ prefix: name, level }));
  return logLevelListCodec.encode({ objects }, ['objects']);
}

export function setLogLevels(log: LogLevels, request: LogLevel): null {
  log.setLevel(request.prefix ?? '', request.level ?? '');
  return null;
}
