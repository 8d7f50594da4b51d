/** Python's idea of a letter and of what may stand before a dash inside a word. */
const letter = '[\\p{L}\\p{Nl}\\p{No}_]';
const wordChar = '[\\p{L}\\p{N}_]';
const inner = '[\\p{L}\\p{N}_!"\'&.,?]';

/** Blanks, dashes between words, and words, broken behind their hyphens. */
const chunk = new RegExp(
  `[\\t-\\r ]+|(?<=${inner})-{2,}(?=${wordChar})|[^\\t-\\r ]+?(?:-(?:(?<=${letter}{2}-)|(?<=${letter}-${inner}-))` +
    `(?=${letter}-?${letter})|(?=[\\t-\\r ]|$)|(?<=${inner})(?=-{2,}${wordChar}))`,
  'gu',
);

/**
 * One line of text as lines of at most `width`, broken as Python's `textwrap` breaks it: between words, behind hyphens, and
 * through words that are too long. `measure` tells how wide a piece is; nothing is ever cut off.
 */
export function wrapText(text: string, width: number, measure: (text: string) => number): string[] {
  const chunks = text.match(chunk) ?? [];
  const lines: string[] = [];
  while (chunks.length > 0) {
    if (lines.length > 0 && chunks[0]?.trim() === '') chunks.shift();
    const line: string[] = [];
    let room = width;
    for (let next = chunks[0]; next !== undefined && measure(next) <= room; next = chunks[0]) {
      room -= measure(next);
      line.push(next);
      chunks.shift();
    }
    const [long] = chunks;
    if (long !== undefined && measure(long) > width) {
      const head = headOf(long, room, line.length === 0, measure);
      line.push(head);
      chunks[0] = long.slice(head.length);
      if (chunks[0] === '') chunks.shift();
    }
    if (line.at(-1)?.trim() === '') line.pop();
    if (line.length > 0) lines.push(line.join(''));
  }
  return lines;
}

/** What of a word goes on the line: up to its last hyphen that fits, else as many characters as fit. */
function headOf(word: string, room: number, first: boolean, measure: (text: string) => number): string {
  let head = '';
  for (const char of word) {
    // A line that has nothing yet takes a character, however wide.
    if (measure(head + char) > room && !(first && head === '')) break;
    head += char;
  }
  const hyphen = head.lastIndexOf('-');
  return hyphen > 0 && /[^-]/.test(head.slice(0, hyphen)) ? head.slice(0, hyphen + 1) : head;
}
