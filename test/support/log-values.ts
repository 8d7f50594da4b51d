import type { LogIdentity } from '../../src/log/identity.ts';
import { type LogValues, loggingGroups } from '../../src/log/options.ts';

/** The presets of all logging options, with some changed. */
export function logValues(changes: Partial<LogValues> = {}): LogValues {
  const presets = loggingGroups.flatMap(({ options }) =>
    Object.entries(options).map(([name, option]) => [name, option.preset] as const),
  );
  return { ...(Object.fromEntries(presets) as unknown as LogValues), ...changes };
}

/** A process that logs. */
export function logIdentity(changes: Partial<LogIdentity> = {}): LogIdentity {
  return { program: 'cinder-volume', role: 'worker', version: '0.1.0', ...changes };
}
