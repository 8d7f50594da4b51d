import { Float } from '../base/python-float.ts';
import type { Setting } from '../config/backend-section.ts';
import { originText } from '../config/problems.ts';
import { isSecret, withoutPasswords } from '../config/secrets.ts';
import type { Cell } from './cells.ts';

/** Which settings of a section become rows, and what stands in front of their names. */
interface RowChoice {
  readonly section: string;
  readonly prefix: string;
  /** Defaults as well; else those alone that are set or cannot be read. */
  readonly all: boolean;
}

/** Option, value and origin of settings. */
export function settingRows(
  settings: readonly Setting[],
  { section, prefix, all }: RowChoice,
): [string, Cell, string][] {
  return settings
    .filter(({ resolved }) => all || 'message' in resolved || resolved.set)
    .map((setting) => [`${prefix}${setting.name}`, valueCell(setting), standsAt(setting, section)]);
}

function valueCell({ name, option, resolved }: Setting): Cell {
  if (isSecret(name, option)) return '***';
  if ('message' in resolved) return `<invalid: ${resolved.reason}>`;
  return cellOf(resolved.value, option.kind === 'float');
}

function cellOf(value: unknown, isFloat: boolean): Cell {
  if (typeof value === 'string') return withoutPasswords(value);
  if (typeof value === 'number') return isFloat ? new Float(value) : value;
  if (typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map((item) => cellOf(item, false));
  if (typeof value !== 'object' || value === null) return null;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, cellOf(item, false)]));
}

/** Where a value stands; a backend's value that stands in `[backend_defaults]` says so. */
function standsAt({ resolved }: Setting, section: string): string {
  if ('message' in resolved) return resolved.place;
  const { origin } = resolved;
  const shared = origin.kind === 'file' && origin.section === 'backend_defaults' && section !== 'backend_defaults';
  return shared ? `${originText(origin)} [backend_defaults]` : originText(origin);
}
