import { hostname } from 'node:os';
import { type Configuration, load } from '../config/load.ts';
import { daemonGroup, serviceGroup } from '../interface/daemon-options.ts';
import type { CommandContext } from './command.ts';
import { sourcesFor } from './request-sources.ts';

/** What client commands need of the configuration. */
export interface ClientConfiguration {
  readonly configuration: Configuration;
  readonly node: string;
  readonly address: string;
  readonly statePath: string;
  readonly adminSocket: string;
}

/** Reads the configuration that the command line names. Throws ConfigurationError with everything that is wrong in it. */
export async function readConfiguration(context: CommandContext): Promise<ClientConfiguration> {
  const configuration = load(sourcesFor(context, context), await context.schema()).orThrow();
  const { host, my_ip, state_path } = configuration.values(serviceGroup);
  const { admin_socket } = configuration.values(daemonGroup);
  return {
    configuration,
    node: host ?? hostname(),
    address: my_ip ?? '127.0.0.1',
    statePath: state_path,
    adminSocket: admin_socket,
  };
}
