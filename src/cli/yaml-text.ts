import { Float } from '../base/python-float.ts';
import type { Cell } from './cells.ts';
import { yamlString } from './yaml-string.ts';

/** YAML as PyYAML's `safe_dump` writes it in block style: keys sorted, ASCII only, long texts folded. */
export function yamlText(value: Cell): string {
  return `${block(value, { indent: 0, column: 0 })}\n`;
}

/** Where a value begins: the indentation of its block, and the column that is reached. */
interface Position {
  readonly indent: number;
  readonly column: number;
}

/** The value without its last line end; a filled list or mapping begins at the position, anything else behind a blank. */
function block(value: Cell, { indent, column }: Position): string {
  if (isList(value)) {
    return value
      .map((item) => `- ${nested(item, { indent: indent + 2, column: indent + 2 })}`)
      .join(`\n${' '.repeat(indent)}`);
  }
  if (isMapping(value)) {
    return Object.entries(value)
      .sort(([a], [b]) => compareCodePoints(a, b))
      .map(([key, item]) => {
        if (!isSimple(key)) return explicit(key, item, indent);
        const name = yamlString(key, { indent, column: indent, key: true });
        return `${name}:${afterKey(item, { indent, column: indent + name.length + 1 })}`;
      })
      .join(`\n${' '.repeat(indent)}`);
  }
  return scalar(value, { indent, column });
}

/** An item of a list: a filled collection begins on the line of its dash. */
function nested(item: Cell, position: Position): string {
  return isList(item) || isMapping(item) ? block(item, position) : scalar(item, position);
}

/** A key that is empty, long or of several lines gets a line of its own. */
function isSimple(key: string): boolean {
  return key !== '' && [...key].length < 123 && !/[\n\x85\u2028\u2029]/.test(key);
}

function explicit(key: string, item: Cell, indent: number): string {
  const place = { indent: indent + 2, column: indent + 2 };
  return `? ${yamlString(key, { ...place, key: false })}\n${' '.repeat(indent)}: ${nested(item, place)}`;
}

/** What follows `key:`. A list under a key is not indented further, a mapping is. */
function afterKey(item: Cell, { indent, column }: Position): string {
  if (isList(item)) return `\n${' '.repeat(indent)}${block(item, { indent, column: indent })}`;
  if (isMapping(item)) return `\n${' '.repeat(indent + 2)}${block(item, { indent: indent + 2, column: indent + 2 })}`;
  return ` ${scalar(item, { indent: indent + 2, column: column + 1 })}`;
}

function scalar(value: Cell, { indent, column }: Position): string {
  if (value === null) return 'null';
  if (typeof value === 'boolean' || typeof value === 'number') return String(value);
  if (value instanceof Float) return floatText(value);
  if (typeof value === 'string') return yamlString(value, { indent, column, key: false });
  return Array.isArray(value) ? '[]' : '{}';
}

function floatText(value: Float): string {
  const text = String(value);
  if (/^-?(inf|nan)$/.test(text)) return text.replace(/inf|nan/, '.$&');
  return text.includes('.') ? text : text.replace('e', '.0e');
}

function isList(value: Cell): value is readonly [Cell, ...Cell[]] {
  return Array.isArray(value) && value.length > 0;
}

function isMapping(value: Cell): value is { readonly [key: string]: Cell } {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Float) &&
    Object.keys(value).length > 0
  );
}

function compareCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
