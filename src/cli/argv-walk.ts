import { repr } from '../base/python-text.ts';
import { ArgumentFault } from './usage-error.ts';

/** An option by its spellings, the first of which names it. */
export interface ArgvOption {
  readonly names: readonly string[];
  readonly takesValue: boolean;
}

/** One piece of a command line. `word` is what is no option, behind `--` anything. */
type Token<O> =
  | { readonly kind: 'option'; readonly option: O; readonly spelled: string; readonly text: string }
  | { readonly kind: 'word' | 'unknown' | 'separator'; readonly text: string };

/**
 * Takes a command line apart as argparse does (config.md §7): `--name value` and `--name=value`, unique prefixes, letters
 * that stand together, no value for an option that takes none. `options` is asked anew for each piece, since a command's
 * options are known only behind its name. Throws ArgumentFault.
 */
export function* walkArgv<O extends ArgvOption>(
  argv: readonly string[],
  options: () => readonly O[],
): Generator<Token<O>, void> {
  const rest = [...argv];
  for (let text = rest.shift(); text !== undefined; text = rest.shift()) {
    if (text === '--') {
      yield { kind: 'separator', text };
      for (const word of rest.splice(0)) yield { kind: 'word', text: word };
      return;
    }
    const match = looksLikeOption(text) ? matched(text, options()) : undefined;
    if (match === undefined) yield { kind: isWord(text) ? 'word' : 'unknown', text };
    else yield* optionTokens(match, rest, options());
  }
}

interface Match<O> {
  readonly option: O;
  readonly spelled: string;
  /** What stands behind `=`, or behind the letter. */
  readonly value: string | undefined;
}

function* optionTokens<O extends ArgvOption>(
  match: Match<O>,
  rest: string[],
  options: readonly O[],
): Generator<Token<O>, void> {
  const { option, spelled, value } = match;
  if (option.takesValue) {
    yield { kind: 'option', option, spelled, text: value ?? nextValue(option, rest, options) };
  } else if (value === undefined) {
    yield { kind: 'option', option, spelled, text: '' };
  } else {
    // Letters may share a dash: `-dh`.
    const letter = spelled.startsWith('--')
      ? undefined
      : options.find(({ names }) => names.includes(`-${value.at(0)}`));
    if (letter === undefined) throw fault(option, `ignored explicit argument ${repr(value)}`);
    yield { kind: 'option', option, spelled, text: '' };
    const next = { option: letter, spelled: `-${value.at(0)}`, value: value.slice(1) || undefined };
    yield* optionTokens(next, rest, options);
  }
}

function nextValue<O extends ArgvOption>(option: O, rest: string[], options: readonly O[]): string {
  const next = rest[0];
  if (next === undefined || next === '--') throw fault(option, 'expected one argument');
  const isOption = looksLikeOption(next) && (matched(next, options) !== undefined || !isWord(next));
  if (isOption) throw fault(option, 'expected one argument');
  rest.shift();
  return next;
}

function fault({ names }: ArgvOption, reason: string): ArgumentFault {
  return new ArgumentFault(`argument ${names.join('/')}: ${reason}`);
}

function looksLikeOption(text: string): boolean {
  return text.length > 1 && text.startsWith('-');
}

/** What no option matches is a word all the same when it is a negative number or has a blank. */
function isWord(text: string): boolean {
  return !looksLikeOption(text) || /^-\d+$|^-\d*\.\d+$/.test(text) || text.includes(' ');
}

function matched<O extends ArgvOption>(text: string, options: readonly O[]): Match<O> | undefined {
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  const value = equals < 0 ? undefined : text.slice(equals + 1);
  const exact = options.find(({ names }) => names.includes(name));
  if (exact !== undefined) return { option: exact, spelled: name, value };
  if (!text.startsWith('--')) {
    const letter = text.slice(0, 2);
    const option = options.find(({ names }) => names.includes(letter));
    return option && { option, spelled: letter, value: text.slice(2) };
  }
  const candidates = options.flatMap((option) =>
    option.names.filter((full) => full.startsWith(name)).map((full) => ({ option, full })),
  );
  const [first] = candidates;
  if (first === undefined) return undefined;
  if (candidates.every(({ option }) => option === first.option)) {
    return { option: first.option, spelled: first.full, value };
  }
  const full = candidates.map((candidate) => candidate.full);
  throw new ArgumentFault(`ambiguous option: ${text} could match ${full.join(', ')}`);
}
