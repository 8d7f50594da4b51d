import type { Command } from './command.ts';
import type { Flag, FlagTable } from './flags.ts';
import { listFlags, showFlags } from './output-options.ts';
import { serveOptions } from './serve-options.ts';
import { UsageError } from './usage-error.ts';

/** The program as it was called, and what it can do. */
export interface Program {
  /** Under the first name the daemon and nothing else, as upstream (L-001). */
  readonly name: 'cinder-volume' | 'volume-daemon';
  readonly version: string;
  readonly commands: readonly Command[];
  /** Names of backends that may follow the words typed so far: for completion. */
  backends(words: readonly string[]): Promise<readonly string[]>;
}

/** The commands of a group such as `volume`, or the one of this name; all for the empty name. */
export function commandsOf({ commands }: Program, topic: string): readonly Command[] {
  return commands.filter(({ name }) => topic === '' || name === topic || name.startsWith(`${topic} `));
}

/** All options of a command, those of its output included. */
export function flagsOf({ flags, output }: Command): FlagTable {
  const printed = output === 'list' ? listFlags : output === 'show' ? showFlags : {};
  return { ...printed, ...flags };
}

/** How an option's value or an argument is called: `FILE`. */
export function shownAs(name: string, { shown }: Flag<unknown>): string {
  return shown ?? name.replaceAll('-', '_').toUpperCase();
}

/** The arguments of a command as usage shows them: `FILE [FILE ...]`. */
export function positionalUsage({ positionals }: Command): string {
  return Object.entries(positionals)
    .map(([name, flag]) => {
      const shown = shownAs(name, flag);
      const words = flag.kind === 'texts' ? `${shown} [${shown} ...]` : shown;
      return flag.required ? words : `[${words}]`;
    })
    .join(' ');
}

/** The same as yargs wants them: `<FILE..>`. */
export function positionalPattern({ positionals }: Command): string {
  return Object.entries(positionals)
    .map(([name, flag]) => {
      const words = `${shownAs(name, flag)}${flag.kind === 'texts' ? '..' : ''}`;
      return flag.required ? `<${words}>` : `[${words}]`;
    })
    .join(' ');
}

/** The usage of one command. */
export function commandUsage(program: Program, command: Command): string {
  const options = Object.entries(flagsOf(command)).map(([name, flag]) => {
    const value = flag.kind === 'toggle' ? '' : ` ${shownAs(name, flag)}`;
    const words = `${flag.short === undefined ? `--${name}` : `-${flag.short}`}${value}`;
    return flag.required ? words : `[${words}]`;
  });
  return wrapped(`usage: ${program.name} ${command.name}`, [...options, positionalUsage(command)]);
}

/** A reason with the usage in front, as argparse prints both: of the program, or of the command. */
export function usageError(program: Program, command: Command | undefined, reason: string): UsageError {
  const usage = command === undefined ? daemonUsage(program) : commandUsage(program, command);
  const name = command === undefined ? program.name : `${program.name} ${command.name}`;
  return new UsageError(reason, `${usage}\n${name}: error: ${reason}\n`);
}

function daemonUsage(program: Program): string {
  const options = serveOptions.map(({ names, shown }) => {
    const name = names.find((spelled) => spelled.length === 2) ?? names[0] ?? '';
    return shown === undefined ? `[${name}]` : `[${name} ${shown}]`;
  });
  return wrapped(`usage: ${program.name}`, options);
}

function wrapped(start: string, pieces: readonly string[]): string {
  const margin = ' '.repeat('usage: '.length + 4);
  const lines = [start];
  for (const piece of pieces.filter((text) => text !== '')) {
    const line = lines.at(-1) ?? '';
    if (line.length + 1 + piece.length <= 79) lines[lines.length - 1] = `${line} ${piece}`;
    else lines.push(`${margin}${piece}`);
  }
  return lines.join('\n');
}
