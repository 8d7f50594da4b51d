import type { CommandLineItem } from '../config/sources.ts';
import type { Environment } from './environment.ts';
import type { FlagTable, ValuesOfFlags } from './flags.ts';
import type { OutputOptions } from './output-options.ts';

/** What every command has besides its own options. */
export interface CommandContext extends Environment {
  /** `--config-file`, `--config-dir` and their like, in the order of argv. */
  readonly items: readonly CommandLineItem[];
  /** The command line as it was typed. */
  readonly args: readonly string[];
  /** The defaults of `--embedded` apply (L-035). */
  readonly embedded: boolean;
  readonly debug: boolean;
  /** How the answer is printed, for commands with `output`. */
  readonly output: OutputOptions;
}

/** 0 done, 1 failed or degraded, 2 usage or nobody to ask. Never another (ecosystem.md §3.1). */
export type ExitCode = 0 | 1 | 2;

/** One client command: a row of the table that parsing, help and completion are made from. */
export interface Command {
  /** Its words, such as `volume create`. */
  readonly name: string;
  readonly help: string;
  readonly flags: FlagTable;
  /** What stands behind the words, in this order; only the last may be repeated. */
  readonly positionals: FlagTable;
  /** Adds the options of an answer that is a list, or one thing. */
  readonly output?: 'list' | 'show';
  run(values: Readonly<Record<string, unknown>>, context: CommandContext): Promise<ExitCode>;
}

/**
 * Defines a command. `run` gets its options and arguments by name, typed; it imports what it needs when it runs, since
 * every start of the program reads this table. What it throws is printed as one line: CommandError with its exit code,
 * anything else with 1.
 */
export function command<F extends FlagTable, P extends FlagTable>(definition: {
  readonly name: string;
  readonly help: string;
  readonly flags: F;
  readonly positionals: P;
  readonly output?: 'list' | 'show';
  run(values: ValuesOfFlags<F> & ValuesOfFlags<P>, context: CommandContext): Promise<ExitCode>;
}): Command {
  return {
    ...definition,
    run: (values, context) => definition.run(values as ValuesOfFlags<F> & ValuesOfFlags<P>, context),
  };
}

/** Why a command ends: one line on stderr, and the exit code. */
export class CommandError extends Error {
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}
