import { type LogRecord, makeRecord } from '../../src/log/record.ts';

/** A record of 2026-11-23 08:18:58.093 local time, changed as wanted; `error` is what was thrown. */
export function aRecord(changes: Partial<Omit<LogRecord, 'error'>> & { readonly thrown?: unknown } = {}): LogRecord {
  const { thrown, ...rest } = changes;
  const { level = 'INFO', name = 'cinder.volume.manager', template = 'text', values = [] } = rest;
  const facts = thrown === undefined ? {} : { error: thrown };
  const made = makeRecord({ level, facts, name, template, values, context: undefined, caller: undefined });
  return { ...made, created: new Date(2026, 10, 23, 8, 18, 58, 93).getTime(), ...rest };
}
