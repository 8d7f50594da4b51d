import { Float } from '../base/python-float.ts';
import type { Cell } from './cells.ts';

/** What can be written: cells, and objects whose keys keep their order. */
export type Json = Cell | JsonObject | readonly Json[];

/**
 * JSON as Python's `json.dumps` writes it: ASCII only, `", "` and `": "` between, or indented by 2. Keys come in the order
 * given.
 */
export function jsonText(value: Json, indent: boolean): string {
  return written(value, indent ? '\n' : undefined);
}

/** An object whose keys keep their order, also those that look like numbers. */
export class JsonObject {
  readonly entries: readonly (readonly [string, Json])[];

  constructor(entries: readonly (readonly [string, Json])[]) {
    this.entries = entries;
  }
}

/** `line` is the line end with the indentation of the value; undefined for one line. */
function written(value: Json, line: string | undefined): string {
  if (typeof value === 'string') return quoted(value);
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return String(value);
  if (value instanceof Float) return floatText(value);
  const inner = line === undefined ? undefined : `${line}  `;
  if (isList(value)) {
    const items = value.map((item) => written(item, inner));
    return enclosed('[', ']', items, line);
  }
  const entries = value instanceof JsonObject ? value.entries : Object.entries(value);
  const pairs = entries.map(([key, item]) => `${quoted(key)}: ${written(item, inner)}`);
  return enclosed('{', '}', pairs, line);
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function enclosed(open: string, close: string, items: readonly string[], line: string | undefined): string {
  if (items.length === 0) return open + close;
  if (line === undefined) return `${open}${items.join(', ')}${close}`;
  return `${open}${line}  ${items.join(`,${line}  `)}${line}${close}`;
}

function quoted(text: string): string {
  return JSON.stringify(text).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function floatText(value: Float): string {
  const text = String(value);
  return text === 'nan' ? 'NaN' : text.replace('inf', 'Infinity');
}
