/** Where a text begins: `indent` is that of the lines it may be folded into, `key` keeps it on one line. */
interface YamlPlace {
  readonly indent: number;
  readonly column: number;
  readonly key: boolean;
}

const bestWidth = 80;

/**
 * A text as PyYAML writes it: plain where it is read back as the same text, else in single quotes, else in double quotes
 * with escapes. Beyond 80 columns it is folded at a single blank.
 */
export function yamlString(text: string, place: YamlPlace): string {
  const { plain, single, multiline } = analysed(text);
  if (plain && !looksOtherwise(text) && !(place.key && text === '')) return folded(text, place, place.column);
  if (single && !(place.key && multiline)) {
    return `'${folded(text.replaceAll("'", "''"), place, place.column + 1)}'`;
  }
  return doubleQuoted(text, place);
}

/** What YAML 1.1 takes for a boolean, a number, a time or nothing. */
const others = new RegExp(
  [
    '(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)',
    '[-+]?[0-9][0-9_]*\\.[0-9_]*(?:[eE][-+][0-9]+)?',
    '\\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?',
    '[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\\.[0-9_]*',
    '[-+]?\\.(?:inf|Inf|INF)',
    '\\.(?:nan|NaN|NAN)',
    '[-+]?0b[0-1_]+',
    '[-+]?0[0-7_]+',
    '[-+]?(?:0|[1-9][0-9_]*)',
    '[-+]?0x[0-9a-fA-F_]+',
    '[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+',
    '<<|=|~|null|Null|NULL|',
    '[0-9]{4}-[0-9]{2}-[0-9]{2}',
    '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \\t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\\.[0-9]*)?' +
      '(?:[ \\t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?',
  ]
    .map((form) => `^(?:${form})$`)
    .join('|'),
);

function looksOtherwise(text: string): boolean {
  return others.test(text);
}

function analysed(text: string): { plain: boolean; single: boolean; multiline: boolean } {
  const special = /[^\n -~]/.test(text);
  const multiline = text.includes('\n');
  const indicator =
    /^(---|\.\.\.)/.test(text) ||
    /^[#,[\]{}&*!|>'"%@`]/.test(text) ||
    /^[?:-](\s|$)/.test(text) ||
    /:(\s|$)|\s#/.test(text);
  const single = !special && !/\n | \n/.test(text);
  return { plain: single && !multiline && !indicator && !/^ | $/.test(text), single, multiline };
}

/** Breaks at single blanks once the line is full, and doubles the line ends of the text, as folding takes them away. */
function folded(text: string, { indent, key }: YamlPlace, start: number): string {
  const margin = ' '.repeat(indent);
  let out = '';
  let column = start;
  for (const { 0: piece, index } of text.matchAll(/ +|\n+|[^ \n]+/g)) {
    const inside = index > 0 && index + piece.length < text.length;
    if (piece.startsWith('\n')) {
      out += `\n${piece}${margin}`;
      column = indent;
    } else if (piece === ' ' && inside && column > bestWidth && !key) {
      out += `\n${margin}`;
      column = indent;
    } else {
      out += piece;
      column += piece.length;
    }
  }
  return out;
}

const escapes: Readonly<Record<string, string>> = {
  '\0': '0',
  '\x07': 'a',
  '\b': 'b',
  '\t': 't',
  '\n': 'n',
  '\v': 'v',
  '\f': 'f',
  '\r': 'r',
  '\x1b': 'e',
  '"': '"',
  '\\': '\\',
  '\x85': 'N',
  '\xa0': '_',
  '\u2028': 'L',
  '\u2029': 'P',
};

/** PyYAML folds by a backslash at the end of the line: before a blank, and around an escape. */
function doubleQuoted(text: string, { indent, column: start, key }: YamlPlace): string {
  const chars = [...text];
  let out = '"';
  let column = start + 1;
  // Plain characters since the last escape or fold.
  let run = '';
  for (const [index, char] of chars.entries()) {
    const plain = /[ !#-[\]-~]/.test(char);
    const fold = index > 0 && index < chars.length - 1 && !key && (char === ' ' || run === '' || !plain);
    if (!plain) {
      const sequence = escaped(char);
      out += run + sequence;
      column += run.length + sequence.length;
      run = '';
    }
    // Behind an escape PyYAML counts one column less.
    if (fold && column + (plain ? run.length : -1) > bestWidth) {
      const margin = ' '.repeat(indent);
      const blankNext = (plain ? char : chars[index + 1]) === ' ';
      out += `${run}\\\n${margin}${blankNext ? '\\' : ''}`;
      column = indent + (blankNext ? 1 : 0);
      run = '';
    }
    if (plain) run += char;
  }
  return `${out}${run}"`;
}

function escaped(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  const hex = code.toString(16).toUpperCase();
  if (escapes[char] !== undefined) return `\\${escapes[char]}`;
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
