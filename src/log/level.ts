import type { Level } from '../base/log.ts';

/** Python's numbers of the levels at which records are written. */
export const levelNumbers: Readonly<Record<Level, number>> = {
  DEBUG: 10,
  INFO: 20,
  WARNING: 30,
  ERROR: 40,
  CRITICAL: 50,
};

/** The least important first: what names a threshold between two of them. */
export const levels: readonly Level[] = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'];

const words: Readonly<Record<string, number>> = {
  ...levelNumbers,
  NOTSET: 0,
  TRACE: 5,
  AUDIT: 21,
  WARN: 30,
  FATAL: 50,
};

/** The number of a threshold: a word in any case, or a number (G-041). Undefined for what is neither. */
export function parseLevel(text: string): number | undefined {
  const word = text.trim().toUpperCase();
  return /^\d{1,4}$/.test(word) ? Number(word) : words[word];
}

/** The word of a threshold; one without a word prints as in Python: `Level 15`. */
export function levelWord(number: number): string {
  const word = Object.entries(words).find(([, value]) => value === number);
  return word === undefined ? `Level ${number}` : word[0];
}
