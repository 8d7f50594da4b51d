import type { Float } from '../base/python-float.ts';
import { repr, str } from '../base/python-text.ts';

/** What may stand in a cell: anything that JSON can say, and a float that must keep its point. */
export type Cell = string | number | boolean | null | Float | readonly Cell[] | { readonly [key: string]: Cell };

/**
 * A cell as people read it: Python's spelling, and control characters as escapes, so that the name of a volume cannot move
 * the cursor. Line ends stay; they are the formats' affair.
 */
export function cellText(cell: Cell): string {
  return harmless(str(cell));
}

/** Everything but line ends that would not print, as Python's `repr` escapes it. */
export function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => (char === '\n' ? char : repr(char).slice(1, -1)));
}
