/**
 * Values spelled as Python prints them, since that is what operators and their parsers know (L-144): `str` as `print()`
 * shows a value, `repr` as it stands inside a list or a dictionary.
 */
export function str(value: unknown): string {
  return typeof value === 'string' ? value : value instanceof Error ? value.message : repr(value);
}

/** `'text'`, `None`, `True`, `['a', 1]`, `{'k': 'v'}`. What contains itself prints `...` in its own place. */
export function repr(value: unknown): string {
  return spell(value, []);
}

function spell(value: unknown, outer: readonly unknown[]): string {
  switch (typeof value) {
    case 'string':
      return quoted(value);
    case 'number':
      return number(value);
    case 'boolean':
      return value ? 'True' : 'False';
    case 'undefined':
      return 'None';
    case 'object':
      return value === null ? 'None' : compound(value, outer);
    case 'function':
      return `<function ${value.name}>`;
    case 'bigint':
    case 'symbol':
      return String(value);
  }
}

function compound(value: object, outer: readonly unknown[]): string {
  if (value instanceof Error) return `${value.name}(${quoted(value.message)})`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof Uint8Array) return bytes(value);
  const inside = [...outer, value];
  const cyclic = outer.includes(value);
  if (Array.isArray(value)) return cyclic ? '[...]' : `[${value.map((item) => spell(item, inside)).join(', ')}]`;
  if (value instanceof Set) return cyclic ? '{...}' : set([...value].map((item) => spell(item, inside)));
  if (!(value instanceof Map) && value.toString !== Object.prototype.toString && value.toString !== undefined) {
    return String(value);
  }
  if (cyclic) return '{...}';
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return `{${entries.map(([key, item]) => `${spell(key, inside)}: ${spell(item, inside)}`).join(', ')}}`;
}

function set(items: readonly string[]): string {
  return items.length === 0 ? 'set()' : `{${items.join(', ')}}`;
}

function number(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return String(value).replace(/e([+-])(\d)$/, 'e$10$2');
}

const plain = /^[ -&(-[\]-~]*$/;
const special = /[\\\p{C}\p{Zl}\p{Zp}\p{Zs}]/gu;
const named: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t', ' ': ' ' };

function quoted(text: string): string {
  if (plain.test(text)) return `'${text}'`;
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const body = text.replace(special, (char) => named[char] ?? escaped(char.codePointAt(0) ?? 0));
  return quote + (quote === "'" ? body.replaceAll("'", "\\'") : body) + quote;
}

function escaped(code: number): string {
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

function bytes(value: Uint8Array): string {
  let text = '';
  for (const byte of value) {
    const char = String.fromCharCode(byte);
    text += byte === 0x27 ? "\\'" : byte > 0x7e ? escaped(byte) : (named[char] ?? (byte < 0x20 ? escaped(byte) : char));
  }
  return `b'${text}'`;
}
