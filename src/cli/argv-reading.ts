import { type ArgvOption, walkArgv } from './argv-walk.ts';
import type { Command } from './command.ts';
import { type ServeOption, serveOptions } from './serve-options.ts';
import { type ServeRequest, ServeRequestBuilder } from './serve-request.ts';
import { suggestions } from './suggestions.ts';
import { commandsOf, flagsOf, type Program, shownAs, usageError } from './usage.ts';
import { ArgumentFault, UsageError } from './usage-error.ts';

/** One option of a command as it was given; without a text where it takes none. */
export interface GivenFlag {
  readonly name: string;
  readonly text: string | undefined;
}

/** What a command line asks for, before its values have types. */
export type Reading =
  | { readonly kind: 'serve' | 'check'; readonly request: ServeRequest }
  | { readonly kind: 'version' }
  /** Of the program, of a group of commands, or of one. */
  | { readonly kind: 'help'; readonly topic: string }
  /** The words of a command line that is still being typed, the program's name first. */
  | { readonly kind: 'completion'; readonly words: readonly string[] }
  | {
      readonly kind: 'command';
      readonly command: Command;
      readonly given: readonly GivenFlag[];
      readonly words: readonly string[];
      readonly request: ServeRequest;
      readonly debug: boolean;
    };

/** What a completion script of yargs asks with. */
export const completionRequest = '--get-yargs-completions';

/** Reads argv. Throws UsageError. */
export function readArgv(argv: readonly string[], program: Program): Reading {
  if (argv[0] === completionRequest && program.name === 'volume-daemon') {
    return { kind: 'completion', words: argv.slice(1) };
  }
  const reader = new ArgvReader(argv, program);
  try {
    return reader.read();
  } catch (error) {
    if (error instanceof ArgumentFault) throw usageError(program, reader.command, error.message);
    throw error;
  }
}

/** An option of a command, by the name of its flag. */
interface FlagOption extends ArgvOption {
  readonly flag: string;
}

/** Goes through argv once, and knows at each piece which options there are. */
export class ArgvReader {
  readonly #argv: readonly string[];
  readonly #program: Program;
  readonly #serve = new ServeRequestBuilder();
  readonly #given: GivenFlag[] = [];
  /** The words of the command, and then its arguments. */
  readonly #words: string[] = [];
  readonly #unrecognized: string[] = [];
  readonly #daemonOnly: string[] = [];
  #command: Command | undefined;
  #options: readonly (ServeOption | FlagOption)[] = serveOptions;

  constructor(argv: readonly string[], program: Program) {
    this.#argv = argv;
    this.#program = program;
  }

  /** What argv asks for. Throws ArgumentFault or UsageError. */
  read(): Reading {
    const last = this.consume();
    if (last !== undefined) return last;
    if (this.#unrecognized.length > 0) {
      throw new ArgumentFault(`unrecognized arguments: ${this.#unrecognized.join(' ')}`);
    }
    const request = this.#serve.request(this.#argv);
    if (this.#command === undefined) {
      if (this.#words.length > 0) throw this.#unknownCommand();
      return { kind: this.#serve.has('check') ? 'check' : 'serve', request };
    }
    const [daemonOnly] = this.#daemonOnly;
    if (daemonOnly !== undefined) throw new ArgumentFault(`argument ${daemonOnly}: not allowed with a command`);
    this.#demandEverything(this.#command);
    const { debug } = this.#serve;
    return { kind: 'command', command: this.#command, given: this.#given, words: this.#words, request, debug };
  }

  /** Goes to the end, or to an option that ends the reading: then that is the answer. */
  consume(): Reading | undefined {
    for (const token of walkArgv(this.#argv, () => this.#options)) {
      if (token.kind === 'option') {
        const last = this.#option(token.option, token.text, token.spelled);
        if (last !== undefined) return last;
      } else if (token.kind === 'word') this.#word(token.text);
      else if (token.kind === 'unknown' || this.#command === undefined) this.#unrecognized.push(token.text);
    }
    return undefined;
  }

  /** The options that may follow. */
  get options(): readonly (ServeOption | FlagOption)[] {
    return this.#options;
  }

  /** The words of the command so far, or its arguments once it is known. */
  get words(): readonly string[] {
    return this.#words;
  }

  /** The command, as far as it is known. */
  get command(): Command | undefined {
    return this.#command;
  }

  /** Help and version end the reading where they stand. */
  #option(option: ServeOption | FlagOption, text: string, spelled: string): Reading | undefined {
    if ('flag' in option) {
      this.#given.push({ name: option.flag, text: option.takesValue ? text : undefined });
      return undefined;
    }
    const { effect, everywhere } = option;
    if ('order' in effect && effect.order === 'version') return { kind: 'version' };
    if ('order' in effect && effect.order === 'help')
      return { kind: 'help', topic: this.#command?.name ?? this.#words.join(' ') };
    if (!everywhere) this.#daemonOnly.push(spelled);
    this.#serve.add(option, text, spelled);
    return undefined;
  }

  #word(text: string): void {
    if (this.#program.name === 'cinder-volume' || this.#unrecognized.length > 0) {
      this.#unrecognized.push(text);
      return;
    }
    this.#words.push(text);
    if (this.#command !== undefined) return;
    const typed = this.#words.join(' ');
    const command = this.#program.commands.find(({ name }) => name === typed);
    if (command !== undefined) {
      this.#command = command;
      this.#words.splice(0);
      this.#options = [...serveOptions.filter(({ everywhere }) => everywhere), ...flagOptions(command)];
    } else if (commandsOf(this.#program, typed).length === 0) {
      throw this.#unknownCommand();
    }
  }

  #unknownCommand(): UsageError {
    const program = this.#program.name;
    const typed = this.#words.join(' ');
    const names = (topic: string): string[] => commandsOf(this.#program, topic).map(({ name }) => name);
    const ofGroup = names(typed);
    const similar = ofGroup.length > 0 ? ofGroup : suggestions(typed, names(''));
    const reason = `'${typed}' is not a ${program} command. See '${program} --help'.`;
    const meant = similar.length > 0 ? ['Did you mean one of these?', ...similar.map((name) => `  ${name}`)] : [];
    return new UsageError(reason, [`${program}: ${reason}`, ...meant, ''].join('\n'));
  }

  #demandEverything(command: Command): void {
    const positionals = Object.entries(command.positionals);
    const many = positionals.at(-1)?.[1].kind === 'texts';
    const extra = many ? [] : this.#words.slice(positionals.length);
    if (extra.length > 0) throw new ArgumentFault(`unrecognized arguments: ${extra.join(' ')}`);
    const missing = [
      ...positionals.slice(this.#words.length).flatMap(([name, flag]) => (flag.required ? [shownAs(name, flag)] : [])),
      ...Object.entries(flagsOf(command)).flatMap(([name, flag]) =>
        flag.required && !this.#given.some((given) => given.name === name) ? [`--${name}`] : [],
      ),
    ];
    if (missing.length > 0) throw new ArgumentFault(`the following arguments are required: ${missing.join(', ')}`);
  }
}

function flagOptions(command: Command): FlagOption[] {
  return Object.entries(flagsOf(command)).map(([flag, { kind, short }]) => ({
    flag,
    names: [...(short === undefined ? [] : [`-${short}`]), `--${flag}`],
    takesValue: kind !== 'toggle',
  }));
}
