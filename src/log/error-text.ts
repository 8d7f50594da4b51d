import { CinderError } from '../base/errors.ts';
import { str } from '../base/python-text.ts';
import { mask } from './mask.ts';

/** What the log says of an exception, its secrets masked. */
export interface ErrorText {
  /** `<type>: <text>`, as it ends the line of the record (G-016). */
  readonly summary: string;
  /** Summary and frames, then those of each cause (G-017). Empty where the stack has been shown before. */
  readonly lines: readonly string[];
}

/** Describes whatever was thrown. Never throws itself. */
export function errorText(error: unknown): ErrorText {
  try {
    return { summary: mask(summaryOf(error)), lines: mask(stackLines(error, []).join('\n')).split('\n') };
  } catch {
    // A getter of the error throws: that there was one is all that can be said.
    return { summary: 'an error that cannot be printed', lines: ['an error that cannot be printed'] };
  }
}

function summaryOf(error: unknown): string {
  if (!(error instanceof Error)) return str(error);
  return error.message === '' ? typeOf(error) : `${typeOf(error)}: ${error.message}`;
}

/** Python's name of the class where it has one: the module stands before it unless it is built in. */
function typeOf(error: Error): string {
  if (error instanceof CinderError) return error.module === 'builtins' ? error.name : `${error.module}.${error.name}`;
  return error.name === 'Error' ? error.constructor.name : error.name;
}

const deepest = 5;
const most = 10;

function stackLines(error: unknown, above: readonly unknown[]): string[] {
  const lines = summaryOf(error).split('\n');
  if (!(error instanceof Error) || above.includes(error) || above.length >= deepest) return lines;
  const inside = [...above, error];
  lines.push(...frames(error));
  if (error instanceof AggregateError) {
    for (const [index, one] of error.errors.slice(0, most).entries()) {
      lines.push(...prefixed(`[${index + 1} of ${error.errors.length}] `, stackLines(one, inside)));
    }
  }
  if (error.cause !== undefined) lines.push(...prefixed('Caused by: ', stackLines(error.cause, inside)));
  return lines;
}

/** V8 writes the header of a stack before a class can set its name, so only the frames are taken. */
function frames(error: Error): string[] {
  return (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
}

function prefixed(prefix: string, [first = '', ...rest]: readonly string[]): string[] {
  return [prefix + first, ...rest];
}
