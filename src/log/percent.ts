import { WrongType, WrongValue } from '../base/errors.ts';
import { repr, str } from '../base/python-text.ts';

/** One conversion of a Python format string: `%-30s`, `%(msecs)03d`, `%.2f`. */
export interface Conversion {
  /** The name in parentheses; without one the conversion takes the next value. */
  readonly name: string | undefined;
  readonly flags: string;
  /** `*` takes it from the values. */
  readonly width: number | '*' | undefined;
  readonly precision: number | '*' | undefined;
  readonly type: string;
}

/** A format string taken apart: literal text and conversions, in order. */
export type Piece = string | Conversion;

const conversion = /%(?:\(([^)]*)\))?([-+ #0]*)(\*|\d+)?(?:\.(\*|\d*))?[hlL]?([diouxXeEfFgGcrsa%])/y;

/** Takes a format string apart. Throws Python's ValueError for what is no format. */
export function parsePercent(text: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (let at = text.indexOf('%'); at >= 0; at = text.indexOf('%', from)) {
    if (at > from) pieces.push(text.slice(from, at));
    conversion.lastIndex = at;
    const match = conversion.exec(text);
    if (match === null) throw notAFormat(text, at);
    const [all, name, flags = '', width, precision, type = 's'] = match;
    if (type === '%') pieces.push('%');
    else pieces.push({ name, flags, width: amount(width), precision: amount(precision), type });
    from = at + all.length;
  }
  if (from < text.length) pieces.push(text.slice(from));
  return pieces;
}

/** Makes the function that inserts values into `template`. What does not fit is thrown as Python's TypeError or ValueError. */
export function compileTemplate(template: string): (values: readonly unknown[]) => string {
  const pieces = parsePercent(template).map((piece) => (typeof piece === 'string' ? piece : inserter(piece)));
  return (values) => {
    const source = new Source(values);
    let text = '';
    for (const piece of pieces) text += typeof piece === 'string' ? piece : piece(source);
    source.end();
    return text;
  };
}

/** The function that spells one value by a conversion whose width and precision are no `*`. */
export function converter(how: Conversion): (value: unknown) => string {
  const width = typeof how.width === 'number' ? how.width : 0;
  const precision = typeof how.precision === 'number' ? how.precision : undefined;
  if (how.type === 's' && width === 0 && precision === undefined) return str;
  return (value) => padded(spelled(how, value, precision), how, width);
}

type Inserter = (source: Source) => string;

function inserter(how: Conversion): Inserter {
  const { name } = how;
  if (how.width !== '*' && how.precision !== '*') {
    const convert = converter(how);
    return name === undefined ? (source) => convert(source.next()) : (source) => convert(source.named(name));
  }
  return (source) => {
    const width = how.width === '*' ? Number(source.next()) : how.width;
    const precision = how.precision === '*' ? Number(source.next()) : how.precision;
    const flags = width !== undefined && width < 0 ? `${how.flags}-` : how.flags;
    const value = name === undefined ? source.next() : source.named(name);
    return converter({ ...how, flags, width: width && Math.abs(width), precision })(value);
  };
}

/** Hands out the values of one record in order, or by name where the only one is a dictionary. */
class Source {
  readonly #values: readonly unknown[];
  #used = 0;

  constructor(values: readonly unknown[]) {
    this.#values = values;
  }

  next(): unknown {
    if (this.#used >= this.#values.length) throw new WrongType('not enough arguments for format string');
    return this.#values[this.#used++];
  }

  named(name: string): unknown {
    const [only] = this.#values;
    if (this.#values.length !== 1 || typeof only !== 'object' || only === null) {
      throw new WrongType('format requires a mapping');
    }
    if (!Object.hasOwn(only, name)) throw new WrongValue(`no value for %(${name})s`);
    this.#used = 1;
    return (only as Readonly<Record<string, unknown>>)[name];
  }

  end(): void {
    if (this.#used < this.#values.length) {
      throw new WrongType('not all arguments converted during string formatting');
    }
  }
}

function spelled(how: Conversion, value: unknown, precision: number | undefined): string {
  switch (how.type) {
    case 's':
      return cut(str(value), precision);
    case 'r':
    case 'a':
      return cut(repr(value), precision);
    case 'c':
      return typeof value === 'number' ? String.fromCodePoint(value) : str(value);
    case 'd':
    case 'i':
    case 'u':
    case 'o':
    case 'x':
    case 'X':
      return signed(how, integer(how.type, value), (whole) => whole.padStart(precision ?? 0, '0'));
    default:
      return signed(how, real(how.type, value, precision ?? 6), (text) => text);
  }
}

function cut(text: string, precision: number | undefined): string {
  return precision === undefined ? text : [...text].slice(0, precision).join('');
}

function signed(how: Conversion, text: string, body: (text: string) => string): string {
  if (text.startsWith('-')) return `-${body(text.slice(1))}`;
  const sign = how.flags.includes('+') ? '+' : how.flags.includes(' ') ? ' ' : '';
  return sign + body(text);
}

function integer(type: string, value: unknown): string {
  if (typeof value !== 'bigint' && typeof value !== 'number' && typeof value !== 'boolean') {
    throw new WrongType(`%${type} format: a number is required, not ${str(value)}`);
  }
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new WrongValue(`cannot convert float ${str(value)} to integer`);
  }
  const whole = typeof value === 'bigint' ? value : BigInt(Math.trunc(Number(value)));
  const text = whole.toString(type === 'o' ? 8 : type === 'x' || type === 'X' ? 16 : 10);
  return type === 'X' ? text.toUpperCase() : text;
}

function real(type: string, value: unknown, precision: number): string {
  if (typeof value !== 'bigint' && typeof value !== 'number' && typeof value !== 'boolean') {
    throw new WrongType(`%${type} format: a number is required, not ${str(value)}`);
  }
  const number = Number(value);
  if (!Number.isFinite(number)) return str(number);
  const digits = Math.min(precision, 100);
  const lower = type.toLowerCase();
  const text =
    lower === 'f' ? number.toFixed(digits) : lower === 'e' ? exponent(number, digits) : general(number, digits);
  return type === lower ? text : text.toUpperCase();
}

function exponent(number: number, digits: number): string {
  return number.toExponential(digits).replace(/e([+-])(\d)$/, 'e$10$2');
}

/** `%g`: the shorter of both spellings, without zeros at the end. */
function general(number: number, digits: number): string {
  const precision = digits || 1;
  const [mantissa = '', power = '0'] = number.toExponential(precision - 1).split('e');
  if (Number(power) >= -4 && Number(power) < precision)
    return withoutZeros(number.toFixed(precision - 1 - Number(power)));
  return `${withoutZeros(mantissa)}e${power.replace(/^([+-])(\d)$/, '$10$2')}`;
}

function withoutZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

function padded(text: string, how: Conversion, width: number): string {
  if (text.length >= width) return text;
  if (how.flags.includes('-')) return text.padEnd(width);
  if (!how.flags.includes('0') || 'srca'.includes(how.type)) return text.padStart(width);
  const sign = /^[-+ ]/.exec(text)?.[0] ?? '';
  return sign + text.slice(sign.length).padStart(width - sign.length, '0');
}

function amount(text: string | undefined): number | '*' | undefined {
  return text === undefined ? undefined : text === '*' ? '*' : Number(text);
}

function notAFormat(text: string, at: number): WrongValue {
  const rest = /^%(?:\([^)]*\))?[-+ #0]*(?:\*|\d+)?(?:\.(?:\*|\d*))?[hlL]?/.exec(text.slice(at))?.[0] ?? '%';
  const wrong = text.charAt(at + rest.length);
  return new WrongValue(
    wrong === '' ? 'incomplete format' : `unsupported format character ${repr(wrong)} at index ${at + rest.length}`,
  );
}
