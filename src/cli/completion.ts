import { completionRequest } from './argv-reading.ts';
import { type Command, command } from './command.ts';
import { choice, required } from './flags.ts';
import type { Program } from './usage.ts';

/** `completion bash|zsh|fish`: the script that makes a shell ask this program; `program` is asked when it runs. */
export function completionCommand(program: () => Program): Command {
  return command({
    name: 'completion',
    help: 'Print a script that completes commands, options and names of backends',
    flags: {},
    positionals: { shell: required(choice(['bash', 'zsh', 'fish'], undefined, 'Shell that runs the script')) },
    async run({ shell }, { stdout, env }) {
      const { completionScript } = await import('./arguments.ts');
      stdout.write(shell === 'fish' ? fishScript(program()) : await completionScript(program(), shell, env));
      return 0;
    },
  });
}

/** yargs has none. Where nothing is known files are offered, as in the other shells. */
function fishScript({ name }: Program): string {
  const asks = `__${name.replaceAll('-', '_')}_completions`;
  return [
    `# Installation: ${name} completion fish > ~/.config/fish/completions/${name}.fish`,
    `function ${asks}`,
    '    set -l words (commandline -opc) (commandline -ct)',
    `    set -l found ($words[1] ${completionRequest} $words 2>/dev/null)`,
    '    if test (count $found) -gt 0',
    "        printf '%s\\n' $found",
    '    else',
    '        __fish_complete_path (commandline -ct)',
    '    end',
    'end',
    `complete -c ${name} -f -a '(${asks})'`,
    '',
  ].join('\n');
}
