import { parseArguments } from '../../src/cli/arguments.ts';
import type { Environment } from '../../src/cli/environment.ts';
import { runCommand } from '../../src/cli/run-command.ts';
import type { Program } from '../../src/cli/usage.ts';
import { clientCommands } from '../../src/commands.ts';
import { schema } from '../../src/service/schema.ts';
import type { CommandResult, Daemon } from './daemon.ts';

const program: Program = {
  name: 'volume-daemon',
  version: '0',
  commands: clientCommands(() => program),
  backends: async () => [],
};

/** Runs a client command of the daemon's in this process: the command's own code, without the start of a program. */
export async function clientCommand(daemon: Daemon, words: readonly string[]): Promise<CommandResult> {
  const printed = { stdout: '', stderr: '' };
  const into = (stream: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      printed[stream] += text;
    },
  });
  const environment: Environment = {
    stdout: into('stdout'),
    stderr: into('stderr'),
    env: {},
    cwd: daemon.folder,
    home: daemon.folder,
    schema: async () => schema,
    signal: new AbortController().signal,
  };
  const argv = [...words, '--config-file', daemon.conf];
  const invocation = await parseArguments(argv, program, { columns: 200, env: {} });
  if (invocation.kind !== 'command') throw new Error(`'${words.join(' ')}' is no client command`);
  const code = await runCommand(invocation, environment);
  return { code, ...printed };
}
