/** How an option's text becomes a value (config.md §4). */
type OptionKind =
  | 'str'
  | 'bool'
  | 'int'
  | 'float'
  | 'port'
  | 'list'
  | 'dict'
  | 'host'
  | 'address'
  | 'multi'
  | 'multi dict';

/**
 * One option: the row that parses the file, types the code and writes the sample file. `preset` is the value when nobody
 * sets it; a text preset may refer to other options (`$state_path/volumes`).
 */
export interface Option<T> {
  readonly kind: OptionKind;
  readonly preset: T;
  readonly help: string;
  readonly choices?: readonly string[];
  /** Choices are compared without regard to case, and the listed spelling is the value. */
  readonly anyCase?: boolean;
  readonly min?: number;
  readonly max?: number;
  /** Most characters of a text, such as the width of the column that it ends in. */
  readonly maxLength?: number;
  /** What a text must look like, where upstream has such a rule. */
  readonly pattern?: RegExp;
  /** Never printed: `****` in the dump, `***` elsewhere (C-082). */
  readonly secret?: boolean;
  /** SIGHUP may change it without replacing a worker (C-080, C-081). */
  readonly mutable?: boolean;
  /** Older names that still count: `name` in the same group, or `group.name` (C-050). */
  readonly was?: readonly string[];
  /** Why the option will go: its use is a warning (C-052). */
  readonly removal?: string;
  /** Read and checked for the sake of existing files, without effect in this daemon (config.md §12, P3). */
  readonly ignored?: boolean;
}

export type OptionTable = Readonly<Record<string, Option<unknown>>>;

/** The options of one group of the file, such as `[database]`. */
export interface OptionGroup {
  readonly group: string;
  readonly options: OptionTable;
}

/** The typed, frozen values of a table. */
export type ValuesOf<T extends OptionTable> = { readonly [K in keyof T]: T[K] extends Option<infer V> ? V : never };

/** Gives the values of a table, for the backend section or group that the reader stands for. */
export type ReadOptions = <T extends OptionTable>(table: T) => ValuesOf<T>;

type Details = Partial<Omit<Option<unknown>, 'kind' | 'preset' | 'help'>>;

/** What an option has when it may be unset. */
type Maybe<P, T> = P extends undefined ? T | undefined : T;

export function str<P extends string | undefined>(
  preset: P,
  help: string,
  details: Details = {},
): Option<Maybe<P, string>> {
  return { kind: 'str', preset: preset as Maybe<P, string>, help, ...details };
}

/** Text out of a list. */
export function choice<const W extends readonly string[], P extends W[number] | undefined>(
  choices: W,
  preset: P,
  help: string,
  details: Details = {},
): Option<Maybe<P, W[number]>> {
  return { kind: 'str', preset: preset as Maybe<P, W[number]>, help, choices, ...details };
}

export function bool(preset: boolean, help: string, details: Details = {}): Option<boolean> {
  return { kind: 'bool', preset, help, ...details };
}

export function int<P extends number | undefined>(
  preset: P,
  help: string,
  details: Details = {},
): Option<Maybe<P, number>> {
  return { kind: 'int', preset: preset as Maybe<P, number>, help, ...details };
}

export function float<P extends number | undefined>(
  preset: P,
  help: string,
  details: Details = {},
): Option<Maybe<P, number>> {
  return { kind: 'float', preset: preset as Maybe<P, number>, help, ...details };
}

export function port(preset: number, help: string, details: Details = {}): Option<number> {
  return { kind: 'port', preset, help, ...details };
}

/** A list of texts, split at commas; unset it is empty. */
export function list(preset: readonly string[], help: string, details: Details = {}): Option<readonly string[]> {
  return { kind: 'list', preset, help, ...details };
}

/** An IP address or a host name. */
export function host<P extends string | undefined>(
  preset: P,
  help: string,
  details: Details = {},
): Option<Maybe<P, string>> {
  return { kind: 'host', preset: preset as Maybe<P, string>, help, ...details };
}

/** Where a server listens: `host:port`. */
export function address(help: string, details: Details = {}): Option<string | undefined> {
  return { kind: 'address', preset: undefined, help, ...details };
}

/** One assignment an item; all of all files are joined (C-011). */
export function multi(preset: readonly string[], help: string, details: Details = {}): Option<readonly string[]> {
  return { kind: 'multi', preset, help, ...details };
}

/** One dictionary an assignment. */
export function multiDict(help: string, details: Details = {}): Option<readonly Readonly<Record<string, string>>[]> {
  return { kind: 'multi dict', preset: [], help, ...details };
}
