import { repr } from '../base/python-text.ts';
import type { Flag } from './flags.ts';
import { ArgumentFault } from './usage-error.ts';

/** The value of an option or argument from the texts that were given for it. Throws ArgumentFault in argparse's words. */
export function flagValue(label: string, flag: Flag<unknown>, texts: readonly string[]): unknown {
  const text = texts.at(-1);
  switch (flag.kind) {
    case 'toggle':
      return texts.length > 0;
    case 'texts':
      return texts;
    case 'text':
      return text === undefined ? flag.preset : chosen(label, flag, text);
    case 'integer':
      return text === undefined ? flag.preset : wholeNumber(label, flag, text);
    default:
      return flag.kind satisfies never;
  }
}

function chosen(label: string, { choices }: Flag<unknown>, text: string): string {
  if (choices === undefined || choices.includes(text)) return text;
  const words = choices.map((word) => repr(word)).join(', ');
  throw new ArgumentFault(`argument ${label}: invalid choice: ${repr(text)} (choose from ${words})`);
}

function wholeNumber(label: string, { min, max }: Flag<unknown>, text: string): number {
  const value = Number(text);
  if (!/^\s*[+-]?\d+\s*$/.test(text) || !Number.isSafeInteger(value)) {
    throw new ArgumentFault(`argument ${label}: invalid int value: ${repr(text)}`);
  }
  if (min !== undefined && value < min)
    throw new ArgumentFault(`argument ${label}: must be at least ${min}, not ${value}`);
  if (max !== undefined && value > max)
    throw new ArgumentFault(`argument ${label}: must be at most ${max}, not ${value}`);
  return value;
}
