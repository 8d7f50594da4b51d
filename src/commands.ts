import { backendCommands } from './cli/backend.ts';
import type { Command } from './cli/command.ts';
import { completionCommand } from './cli/completion.ts';
import type { ConfigKnowledge } from './cli/config.ts';
import { configCommands } from './cli/config-commands.ts';
import { databaseCommands } from './cli/database.ts';
import { serviceCommands } from './cli/service.ts';
import { snapshotCommands } from './cli/snapshot.ts';
import { daemonCommands } from './cli/status.ts';
import type { Program } from './cli/usage.ts';
import { volumeCommands } from './cli/volume.ts';

/** The client commands in the order of help. Each imports what it does when it is run. */
export function clientCommands(program: () => Program): readonly Command[] {
  return [
    ...volumeCommands,
    ...snapshotCommands,
    ...serviceCommands,
    ...backendCommands,
    ...daemonCommands,
    ...configCommands(configKnowledge),
    ...databaseCommands,
    completionCommand(program),
  ];
}

/** What the commands about the configuration know of the rooms that read it. */
export async function configKnowledge(): Promise<ConfigKnowledge> {
  const { schema } = await import('./service/schema.ts');
  const { driverLabel } = await import('./service/driver-options.ts');
  const tryEnvironment: ConfigKnowledge['tryEnvironment'] = async (configuration, signal) =>
    (await import('./service/environment-check.ts')).tryEnvironment(configuration, signal);
  return { schema, driverOf: driverLabel, tryEnvironment };
}
