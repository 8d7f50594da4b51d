/** A name in an expression, such as `sys.stderr` or `handlers.SysLogHandler.LOG_LOCAL0`. */
interface PythonName {
  readonly name: string;
}

export type PythonValue =
  | string
  | number
  | boolean
  | null
  | PythonName
  | readonly PythonValue[]
  | ReadonlyMap<PythonValue, PythonValue>;

/**
 * Reads a Python expression as far as it is made of literals, names, tuples, lists and dictionaries: what the `args` of a
 * logging configuration file hold. Undefined for anything else, such as a call.
 */
export function parsePythonLiteral(text: string): PythonValue | undefined {
  const tokens = tokensOf(text);
  if (tokens === undefined) return undefined;
  const reader = new Reader(tokens);
  const value = reader.value();
  return reader.atEnd ? value : undefined;
}

const token =
  /\s*(?:([rRuUbB]?)('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")|(-?\d+(?:\.\d+)?)|([A-Za-z_][\w.]*)|([()[\]{},:]))/y;

interface Token {
  readonly value?: PythonValue;
  readonly mark?: string;
}

function tokensOf(text: string): Token[] | undefined {
  const tokens: Token[] = [];
  const source = text.trim();
  token.lastIndex = 0;
  while (token.lastIndex < source.length) {
    const match = token.exec(source);
    if (match === null) return undefined;
    const [, prefix, quoted, number, name, mark] = match;
    if (quoted !== undefined) tokens.push({ value: unquoted(quoted, prefix?.toLowerCase() === 'r') });
    else if (number !== undefined) tokens.push({ value: Number(number) });
    else if (name !== undefined) tokens.push({ value: constants.has(name) ? (constants.get(name) ?? null) : { name } });
    else if (mark !== undefined) tokens.push({ mark });
  }
  return tokens;
}

const constants: ReadonlyMap<string, boolean | null> = new Map([
  ['True', true],
  ['False', false],
  ['None', null],
]);

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\', "'": "'", '"': '"' };

function unquoted(quoted: string, raw: boolean): string {
  const body = quoted.slice(1, -1);
  return raw ? body : body.replace(/\\(.)/g, (all, char: string) => escapes[char] ?? all);
}

const closing: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

class Reader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get atEnd(): boolean {
    return this.#at === this.#tokens.length;
  }

  value(): PythonValue | undefined {
    const next = this.#tokens[this.#at++];
    if (next?.value !== undefined) return next.value;
    const close = closing[next?.mark ?? ''];
    if (close === undefined) return undefined;
    return next?.mark === '{' ? this.#dictionary() : this.#sequence(close);
  }

  /** A single value in parentheses is that value; with a comma it is a tuple. */
  #sequence(close: string): PythonValue | undefined {
    const items: PythonValue[] = [];
    let commas = 0;
    while (!this.#takes(close)) {
      const item = this.value();
      if (item === undefined) return undefined;
      items.push(item);
      if (this.#takes(',')) commas++;
      else if (this.#takes(close)) return close === ')' && commas === 0 ? item : items;
      else return undefined;
    }
    return items;
  }

  #dictionary(): PythonValue | undefined {
    const entries = new Map<PythonValue, PythonValue>();
    while (!this.#takes('}')) {
      const key = this.value();
      if (key === undefined || !this.#takes(':')) return undefined;
      const item = this.value();
      if (item === undefined) return undefined;
      entries.set(key, item);
      if (!this.#takes(',') && this.#tokens[this.#at]?.mark !== '}') return undefined;
    }
    return entries;
  }

  #takes(mark: string): boolean {
    if (this.#tokens[this.#at]?.mark !== mark) return false;
    this.#at++;
    return true;
  }
}
