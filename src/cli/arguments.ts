import type { Argv, Options, PositionalOptions } from 'yargs';
import { completionRequest, type GivenFlag, type Reading, readArgv } from './argv-reading.ts';
import type { Command } from './command.ts';
import { completions } from './completions.ts';
import { flagValue } from './flag-value.ts';
import type { Flag, FlagTable, ValuesOfFlags } from './flags.ts';
import { listFlags, type OutputOptions, outputOptions, showFlags } from './output-options.ts';
import { type ServeOption, serveOptions } from './serve-options.ts';
import type { ServeRequest } from './serve-request.ts';
import {
  commandsOf,
  commandUsage,
  flagsOf,
  type Program,
  positionalPattern,
  positionalUsage,
  shownAs,
  usageError,
} from './usage.ts';
import { ArgumentFault } from './usage-error.ts';

/** What the program is to do. */
type Invocation =
  | { readonly kind: 'serve' | 'check'; readonly request: ServeRequest }
  /** Goes to stdout, and the program ends with 0. */
  | { readonly kind: 'print'; readonly text: string }
  | CommandInvocation;

/** A command with its values, which fit its flags and arguments. */
export interface CommandInvocation {
  readonly kind: 'command';
  readonly command: Command;
  readonly values: Readonly<Record<string, unknown>>;
  readonly request: ServeRequest;
  readonly debug: boolean;
  readonly output: OutputOptions;
}

/** Of the terminal, for the width of help; of the environment, for cliff's variables. */
interface ArgumentSurroundings {
  readonly columns?: number | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Reads a command line (config.md §7, ecosystem.md §3.1). The walk of argv-reading.ts leaves one spelling of everything; yargs
 * does the values of commands and help, and is loaded for these alone, since serving must start fast. Throws UsageError.
 */
export async function parseArguments(
  argv: readonly string[],
  program: Program,
  { columns, env = {} }: ArgumentSurroundings = {},
): Promise<Invocation> {
  const reading = readArgv(argv, program);
  switch (reading.kind) {
    case 'serve':
    case 'check':
      return reading;
    case 'version':
      return { kind: 'print', text: `${program.version}\n` };
    case 'help':
      return { kind: 'print', text: await helpText(program, reading.topic, columns) };
    case 'completion':
      return { kind: 'print', text: (await completions(reading.words, program)).map((word) => `${word}\n`).join('') };
    case 'command':
      return withValues(reading, program, env);
    default:
      return reading satisfies never;
  }
}

/**
 * yargs' script that makes a shell ask for completions, but that it asks the program under the name that was typed, found in
 * PATH or not. yargs takes the kind of shell from the process's own variables, which `env` must be; they are as before when
 * the promise is settled.
 */
export async function completionScript(
  program: Program,
  shell: 'bash' | 'zsh',
  env: Record<string, string | undefined>,
): Promise<string> {
  const before = env['SHELL'];
  env['SHELL'] = `/bin/${shell}`;
  try {
    const parser = (await newParser(program)).completion('completion', false);
    const script = await new Promise<string>((resolve) => {
      void parser.parse(['completion'], (_error: unknown, _argv: unknown, output: string) => resolve(`${output}\n`));
    });
    const typed = shell === 'bash' ? '"$COMP_WORDS"' : '"$words[1]"';
    return script
      .replaceAll(`${program.name} ${completionRequest}`, `2>/dev/null ${typed} ${completionRequest}`)
      .replaceAll(`${program.name} completion >>`, `${program.name} completion ${shell} >>`);
  } finally {
    if (before === undefined) delete env['SHELL'];
    else env['SHELL'] = before;
  }
}

/** An argument that yargs never takes for an option or a number. */
const wordMark = ':';

async function withValues(
  { command, given, words, request, debug }: Extract<Reading, { kind: 'command' }>,
  program: Program,
  env: Readonly<Record<string, string | undefined>>,
): Promise<CommandInvocation> {
  const parser = await newParser(program);
  addFlags(parser.command(`$0 ${positionalPattern(command)}`.trim(), ''), command, { forHelp: false });
  const parsed = await parser.parse([...given.map(spelledOut), ...words.map((word) => wordMark + word)]);
  const textsOf = (name: string): string[] => [parsed[name] ?? []].flat().map(String);
  const ofFlag = (name: string, flag: Flag<unknown>): unknown => flagValue(labelOf(name, flag), flag, textsOf(name));
  const ofArgument = (name: string, flag: Flag<unknown>): unknown => {
    const shown = shownAs(name, flag);
    return flagValue(
      shown,
      flag,
      textsOf(shown).map((text) => text.slice(wordMark.length)),
    );
  };
  try {
    const { flags, positionals, output } = command;
    const values = { ...valuesOf(flags, ofFlag), ...valuesOf(positionals, ofArgument) };
    const printed = output === 'list' ? valuesOf(listFlags, ofFlag) : valuesOf(showFlags, output ? ofFlag : presetOf);
    return { kind: 'command', command, values, request, debug, output: outputOptions(printed, env) };
  } catch (error) {
    if (error instanceof ArgumentFault) throw usageError(program, command, error.message);
    throw error;
  }
}

/** The values of a table, each read by a function that keeps the promise of its flag. */
function valuesOf<T extends FlagTable>(
  table: T,
  read: (name: string, flag: Flag<unknown>) => unknown,
): ValuesOfFlags<T> {
  return Object.fromEntries(Object.entries(table).map(([name, flag]) => [name, read(name, flag)])) as ValuesOfFlags<T>;
}

function presetOf(_name: string, { preset }: Flag<unknown>): unknown {
  return preset;
}

function spelledOut({ name, text }: GivenFlag): string {
  return text === undefined ? `--${name}` : `--${name}=${text}`;
}

function labelOf(name: string, { short }: Flag<unknown>): string {
  return short === undefined ? `--${name}` : `-${short}/--${name}`;
}

/** The help of the whole program, of a group of commands such as `volume`, or of one command. */
async function helpText(program: Program, topic: string, columns = 80): Promise<string> {
  const parser = addServeOptions(await newParser(program), ({ everywhere }) => topic === '' || everywhere);
  // A blank, and the usage in front by ourselves: yargs takes the margin of its second line away.
  parser.wrap(Math.min(columns, 120)).usage(' ');
  const commands = program.name === 'cinder-volume' ? [] : commandsOf(program, topic);
  const [own] = commands;
  if (own?.name === topic) {
    const options = await addFlags(parser, own).getHelp();
    return `${commandUsage(program, own)}\n\n${own.help}\n\n${options.trimStart()}\n`;
  }
  for (const entry of commands) parser.command(`${entry.name} ${positionalUsage(entry)}`.trim(), entry.help);
  const usage = [
    ...(topic === '' ? [`${program.name} [options]`] : []),
    ...(commands.length > 0 ? [`${program.name} COMMAND [options]`] : []),
  ];
  return `usage: ${usage.join('\n       ')}\n\n${(await parser.getHelp()).trimStart()}\n`;
}

async function newParser(program: Program): Promise<Argv> {
  const { default: yargs } = await import('yargs');
  return yargs([])
    .scriptName(program.name)
    .detectLocale(false)
    .exitProcess(false)
    .help(false)
    .version(false)
    .parserConfiguration({
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'greedy-arrays': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'short-option-groups': false,
    })
    .fail((message, error) => {
      throw error ?? new Error(message);
    });
}

/** For help yargs knows choices and numbers as well; what was typed is checked with clearer words than its own. */
function addFlags(parser: Argv, command: Command, { forHelp } = { forHelp: true }): Argv {
  for (const [name, flag] of Object.entries(command.positionals)) {
    parser.positional(shownAs(name, flag), described(flag, forHelp));
  }
  for (const [name, flag] of Object.entries(flagsOf(command))) {
    const { short, preset, kind, required = false } = flag;
    const optional = preset === undefined || preset === '' || kind === 'toggle' || kind === 'texts';
    parser.option(name, {
      ...described(flag, forHelp),
      ...(short === undefined ? {} : { alias: short }),
      ...(optional ? {} : { defaultDescription: String(preset) }),
      demandOption: required,
    });
  }
  return parser;
}

function described({ kind, help, choices }: Flag<unknown>, forHelp: boolean): Options & PositionalOptions {
  return {
    type: kind === 'toggle' ? 'boolean' : kind === 'integer' && forHelp ? 'number' : 'string',
    describe: help,
    ...(forHelp && choices !== undefined ? { choices } : {}),
  };
}

function addServeOptions(parser: Argv, wanted: (option: ServeOption) => boolean): Argv {
  for (const { names, takesValue, help } of serveOptions.filter(wanted)) {
    const [name = '', ...alias] = names.map((spelled) => spelled.replace(/^-+/, ''));
    parser.option(name, { alias, describe: help, type: takesValue ? 'string' : 'boolean' });
  }
  return parser;
}
