/** How the text of an option or argument of a command becomes a value. */
type FlagKind = 'text' | 'texts' | 'integer' | 'toggle';

/** One option of a command, or one positional argument. `T` is the type of its value. */
export interface Flag<T> {
  readonly kind: FlagKind;
  readonly help: string;
  readonly preset: T;
  /** One letter: `-f`. */
  readonly short?: string;
  /** The value as help shows it; in upper case. */
  readonly shown?: string;
  readonly choices?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  /** Without it the command is not run. */
  readonly required?: boolean;
}

/** By the name on the command line, without dashes in front. */
export type FlagTable = Readonly<Record<string, Flag<unknown>>>;

export type ValuesOfFlags<T extends FlagTable> = { readonly [K in keyof T]: T[K] extends Flag<infer V> ? V : never };

type Details = Partial<Pick<Flag<unknown>, 'short' | 'shown' | 'min' | 'max'>>;
type Maybe<P, T> = P extends undefined ? T | undefined : T;

/** A text; of several the last counts. */
export function text<P extends string | undefined>(
  preset: P,
  help: string,
  details: Details = {},
): Flag<Maybe<P, string>> {
  return { kind: 'text', preset: preset as Maybe<P, string>, help, ...details };
}

/** A word out of a list. */
export function choice<const W extends readonly string[], P extends W[number] | undefined>(
  choices: W,
  preset: P,
  help: string,
  details: Details = {},
): Flag<Maybe<P, W[number]>> {
  return { kind: 'text', preset: preset as Maybe<P, W[number]>, help, choices, ...details };
}

/** An option that may be repeated, or an argument of one word and more. */
export function texts(help: string, details: Details = {}): Flag<readonly string[]> {
  return { kind: 'texts', preset: [], help, ...details };
}

export function integer<P extends number | undefined>(
  preset: P,
  help: string,
  details: Details = {},
): Flag<Maybe<P, number>> {
  return { kind: 'integer', preset: preset as Maybe<P, number>, help, ...details };
}

/** An option without a value. */
export function toggle(help: string, details: Details = {}): Flag<boolean> {
  return { kind: 'toggle', preset: false, help, ...details };
}

/** The same, and it must be given. */
export function required<T>(flag: Flag<T>): Flag<Exclude<T, undefined>> {
  return { ...flag, required: true } as Flag<Exclude<T, undefined>>;
}
