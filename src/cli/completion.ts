import { type Command, command } from './command.ts';
import { choice, required } from './flags.ts';
import type { Program } from './usage.ts';

/** `completion bash|zsh`: the script that makes a shell ask this program; `program` is asked when it runs. */
export function completionCommand(program: () => Program): Command {
  return command({
    name: 'completion',
    help: 'Print a script that completes commands, options and names of backends',
    flags: {},
    positionals: { shell: required(choice(['bash', 'zsh'], undefined, 'Shell that runs the script')) },
    async run({ shell }, { stdout, env }) {
      const { completionScript } = await import('./arguments.ts');
      stdout.write(await completionScript(program(), shell, env));
      return 0;
    },
  });
}
