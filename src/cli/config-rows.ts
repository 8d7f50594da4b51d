import { Float } from '../base/python-float.ts';
import type { Setting } from '../config/backend-section.ts';
import { type Origin, originText } from '../config/problems.ts';
import { isSecret, withoutPasswords } from '../config/secrets.ts';
import type { Cell } from './cells.ts';

/** Option, value and origin of settings; without `all` of those alone that are set or cannot be read. */
export function settingRows(group: string, settings: readonly Setting[], all: boolean, section = group): Cell[][] {
  return settings
    .filter(({ resolved }) => all || 'message' in resolved || resolved.set)
    .map((setting) => {
      const label = group === 'DEFAULT' ? setting.name : `${group}.${setting.name}`;
      return [label, valueCell(setting), originCell(setting, section)];
    });
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

function originCell({ resolved }: Setting, section: string): Cell {
  if ('message' in resolved) return resolved.place;
  return placeOf(resolved.origin, section);
}

/** A backend's value that stands in `[backend_defaults]` says so. */
function placeOf(origin: Origin, section: string): string {
  const elsewhere = origin.kind === 'file' && origin.section === 'backend_defaults' && section !== 'backend_defaults';
  return elsewhere ? `${originText(origin)} [backend_defaults]` : originText(origin);
}
