import { harmless } from './cells.ts';
import type { Terminal } from './environment.ts';

/** One line that is rewritten while somebody waits. */
interface ProgressLine {
  /** Shows this text in place of the last. */
  show(text: string): void;
  /** Takes the line away, so that what is printed next begins on a clean one. */
  end(): void;
}

/** The progress line of a terminal. Anything else gets nothing: a pipe wants the answer only. */
export function progressLine(stderr: Terminal): ProgressLine {
  if (stderr.isTTY !== true) return { show() {}, end() {} };
  let shown = '';
  const rewrite = (text: string): void => {
    if (text === shown) return;
    shown = text;
    stderr.write(`\r${text}\x1b[K`);
  };
  return {
    show: (text) => rewrite(fitting(harmless(text).replaceAll('\n', ' '), (stderr.columns ?? 80) - 1)),
    end: () => rewrite(''),
  };
}

/** As much of the text as surely stands on one line: what is not ASCII may take two columns. */
function fitting(text: string, columns: number): string {
  let room = columns;
  let fits = '';
  for (const char of text) {
    room -= char <= '~' ? 1 : 2;
    if (room < 0) return fits;
    fits += char;
  }
  return fits;
}
