import { embeddedDefaults, joinDefaults, machineDefaults } from '../config/defaults.ts';
import { readSources, type Sources } from '../config/sources.ts';
import type { Environment } from './environment.ts';
import type { ServeRequest } from './serve-request.ts';

/** What a command line says of the configuration. */
export type SourcesAsked = Pick<ServeRequest, 'items' | 'args' | 'embedded'>;

/** The sources of a command line, with the defaults of the machine and of `--embedded`. Throws ConfigurationError. */
export function sourcesFor(
  { items, args, embedded }: SourcesAsked,
  { env, cwd, home }: Pick<Environment, 'env' | 'cwd' | 'home'>,
): Sources {
  const machine = machineDefaults();
  const defaults = embedded ? joinDefaults(machine, embeddedDefaults(cwd)) : machine;
  return readSources({ items, args, defaults, environment: env, cwd, home });
}
