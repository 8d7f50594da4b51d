import { isIPv4, isIPv6 } from 'node:net';
import { parseListenAddress } from '../base/listen-address.ts';
import { repr } from '../base/python-text.ts';
import type { Option } from '../interface/options.ts';
import { strip } from './ini.ts';
import { NotValid } from './problems.ts';

type Limits = Pick<Option<unknown>, 'choices' | 'anyCase' | 'min' | 'max' | 'maxLength' | 'pattern'>;

/**
 * The value of an option from its texts, one for each assignment that counts; frozen. Undefined is Python's None: an
 * empty number. Throws NotValid with upstream's words (config.md §4).
 */
export function convert(option: Option<unknown>, texts: readonly string[]): unknown {
  const text = texts.at(-1) ?? '';
  switch (option.kind) {
    case 'str':
      return toText(text, option);
    case 'bool':
      return toBoolean(text);
    case 'int':
      return toInteger(text, option);
    case 'float':
      return toFloat(text, option);
    case 'port':
      return toInteger(text, {
        ...option,
        min: Math.max(option.min ?? 0, 0),
        max: Math.min(option.max ?? 65535, 65535),
      });
    case 'list':
      return Object.freeze(splitList(text).map((item) => toText(item, option)));
    case 'dict':
      return toDictionary(text);
    case 'host':
      return toHost(text);
    case 'address':
      return toAddress(text);
    case 'multi':
      return Object.freeze(texts.map((item) => toText(item, option)));
    case 'multi dict':
      return Object.freeze(texts.map(toDictionary));
    default:
      return option.kind satisfies never;
  }
}

function toText(text: string, { choices, anyCase = false, maxLength, pattern }: Limits): string {
  if (maxLength !== undefined && text.length > maxLength) {
    throw new NotValid((shown) => `Value '${shown}' exceeds maximum length ${maxLength}`, text);
  }
  if (pattern?.test(text) === false) {
    throw new NotValid((shown) => `Value ${repr(shown)} doesn't match regex ${repr(pattern.source)}`, text);
  }
  if (choices === undefined) return text;
  const found = choices.find((word) => word === text || (anyCase && word.toLowerCase() === text.toLowerCase()));
  if (found === undefined) {
    throw new NotValid((shown) => `Valid values are [${choices.join(', ')}], but found ${repr(shown)}`, text);
  }
  return found;
}

const booleans: Readonly<Record<string, boolean>> = {
  true: true,
  '1': true,
  on: true,
  yes: true,
  false: false,
  '0': false,
  off: false,
  no: false,
};

function toBoolean(text: string): boolean {
  const word = text.toLowerCase();
  const value = Object.hasOwn(booleans, word) ? booleans[word] : undefined;
  if (value === undefined) throw new NotValid((shown) => `Unexpected boolean value ${repr(shown)}`, text);
  return value;
}

function toInteger(text: string, limits: Limits): number | undefined {
  const digits = strip(text);
  if (digits === '') return undefined;
  if (!/^[+-]?\d+(_\d+)*$/.test(digits)) {
    throw new NotValid((shown) => `invalid literal for int() with base 10: ${repr(shown)}`, text);
  }
  const { MIN_SAFE_INTEGER: least, MAX_SAFE_INTEGER: most } = Number;
  const { min = least, max = most } = limits;
  // Zero has one sign here.
  return withinLimits(Number(digits.replaceAll('_', '')) + 0, { min, max });
}

const float = /^[+-]?((\d+(_\d+)*\.?(\d+(_\d+)*)?|\.\d+(_\d+)*)(e[+-]?\d+(_\d+)*)?|inf(inity)?|nan)$/i;

function toFloat(text: string, limits: Limits): number | undefined {
  const digits = strip(text);
  if (digits === '') return undefined;
  if (!float.test(digits)) {
    throw new NotValid((shown) => `could not convert string to float: ${repr(shown)}`, text);
  }
  const plain = digits.toLowerCase().replaceAll('_', '').replace(/inf$/, 'infinity').replace('infinity', 'Infinity');
  return withinLimits(plain.includes('nan') ? Number.NaN : Number(plain), limits);
}

function withinLimits(value: number, { min, max }: Limits): number {
  if (min !== undefined && value < min) throw new NotValid(`Should be greater than or equal to ${min}`);
  if (max !== undefined && value > max) throw new NotValid(`Should be less than or equal to ${max}`);
  return value;
}

/** Commas at the end are dropped, as upstream does; empty items between others are kept. */
function splitList(text: string): string[] {
  const items = strip(text).replace(/,+$/, '');
  return items === '' ? [] : items.split(',').map(strip);
}

/** A part without a colon belongs to the name that follows, as upstream has it: `a:1,b,c:2` names `a` and `b,c`. */
function toDictionary(text: string): Readonly<Record<string, string>> {
  const pairs = new Map<string, string>();
  let held: string[] = [];
  for (const part of strip(text) === '' ? [] : strip(text).split(',')) {
    held.push(part);
    const colon = part.indexOf(':');
    if (colon < 0) continue;
    const pair = held.join(',');
    const at = pair.indexOf(':');
    const key = strip(pair.slice(0, at));
    if (key === '') throw new NotValid('Key name should not be empty');
    if (pairs.has(key)) throw new NotValid((shown) => `Duplicate key ${shown}`, key);
    pairs.set(key, strip(pair.slice(at + 1)));
    held = [];
  }
  if (held.length > 0) throw new NotValid('Value should be NAME:VALUE pairs separated by ","');
  return Object.freeze(Object.fromEntries(pairs));
}

function toHost(text: string): string {
  if (isIPv4(text) || (isIPv6(text) && !text.includes('%'))) return text;
  const name = text.endsWith('.') ? text.slice(0, -1) : text;
  const labels = name.split('.');
  const wellFormed = labels.every((label) => /^(?!-)[a-z0-9-]{1,63}(?<!-)$/i.test(label));
  if (text.length > 253 || !wellFormed || !/[a-z-]/i.test(labels.at(-1) ?? '')) {
    throw new NotValid((shown) => `${shown} is not a valid host address`, text);
  }
  return name;
}

function toAddress(text: string): string {
  if (parseListenAddress(text) !== undefined) return text;
  throw new NotValid((shown) => `${repr(shown)} is no address to listen at, such as 127.0.0.1:9090`, text);
}
