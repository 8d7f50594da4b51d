import { ArgvReader } from './argv-reading.ts';
import { commandsOf, flagsOf, type Program } from './usage.ts';
import { ArgumentFault, UsageError } from './usage-error.ts';

/**
 * What may stand where the last of `words` is being typed; the first is the program's own name. Commands, options, the words
 * that an option takes, and backends. Empty where nothing is known: then the shell offers files.
 */
export async function completions(given: readonly string[], program: Program): Promise<readonly string[]> {
  const [, option, value] = /^(--[^=]+)=(.*)$/s.exec(given.at(-1) ?? '') ?? [];
  if (option !== undefined && value !== undefined) {
    const values = await completions([...given.slice(0, -1), option, value], program);
    return values.map((word) => `${option}=${word}`);
  }
  const words = withoutEqualsSigns(given);
  const typed = words.slice(1, -1);
  const current = words.at(-1) ?? '';
  const candidates = (await valuesOfOption(typed, words, program)) ?? (await nextWords(typed, current, words, program));
  return [...new Set(candidates)].filter((word) => word.startsWith(current));
}

/** bash makes three words of `--name=value`. */
function withoutEqualsSigns(words: readonly string[]): readonly string[] {
  const isSign = (word: string, at: number): boolean => word === '=' && (words[at - 1] ?? '').startsWith('--');
  const left = words.filter((word, at) => !isSign(word, at));
  return isSign(words.at(-1) ?? '', words.length - 1) ? [...left, ''] : left;
}

/** The values of the option that was typed last; undefined when that takes none. */
async function valuesOfOption(
  typed: readonly string[],
  words: readonly string[],
  program: Program,
): Promise<readonly string[] | undefined> {
  const previous = typed.at(-1) ?? '';
  const reader = readerOf(typed.slice(0, -1), program);
  const option = reader?.options.find(({ names, takesValue }) => takesValue && names.includes(previous));
  if (reader === undefined || option === undefined) return undefined;
  if (!('flag' in option) || reader.command === undefined) return [];
  return option.flag === 'backend' ? program.backends(words) : (flagsOf(reader.command)[option.flag]?.choices ?? []);
}

async function nextWords(
  typed: readonly string[],
  current: string,
  words: readonly string[],
  program: Program,
): Promise<readonly string[]> {
  const reader = readerOf(typed, program);
  if (reader === undefined) return [];
  const { command } = reader;
  if (current.startsWith('-')) return reader.options.flatMap(({ names }) => names);
  if (command === undefined) {
    const place = reader.words.length;
    return commandsOf(program, reader.words.join(' ')).map(({ name }) => name.split(' ')[place] ?? '');
  }
  const positionals = Object.entries(command.positionals);
  const [name, flag] = positionals[Math.min(reader.words.length, positionals.length - 1)] ?? [];
  return name === 'backend' ? program.backends(words) : (flag?.choices ?? []);
}

/** A reader behind these words; undefined when they make no sense. */
function readerOf(words: readonly string[], program: Program): ArgvReader | undefined {
  const reader = new ArgvReader(words, program);
  try {
    return reader.consume() === undefined ? reader : undefined;
  } catch (error) {
    if (error instanceof ArgumentFault || error instanceof UsageError) return undefined;
    throw error;
  }
}
