import type { OptionTable, ValuesOf } from '../../src/interface/options.ts';

/** The values of a table where nobody sets anything. References such as `$state_path` stay as they are. */
export function presets<T extends OptionTable>(options: T): ValuesOf<T> {
  return Object.fromEntries(Object.entries(options).map(([name, option]) => [name, option.preset])) as ValuesOf<T>;
}
