import type { OptionGroup, OptionTable } from '../../interface/options.ts';
import { backendTables } from './backends.ts';
import { defaultOptions } from './default.ts';
import { libraryGroups } from './libraries.ts';
import { serviceGroups } from './services.ts';

/**
 * Options that existing files hold and that nothing here reads: those of other services, of platforms, and of work that is
 * still to come. They are checked and dumped like all others, and stay out of the sample (config.md §12, P3). Where a room
 * reads one of them, its own declaration counts (`joinTables`).
 */
export const acceptedGroups: readonly OptionGroup[] = [
  { group: 'DEFAULT', options: defaultOptions },
  ...serviceGroups,
  ...libraryGroups,
].map(({ group, options }) => ({ group, options: withoutEffect(options) }));

/** The same for the sections of backends. */
export const acceptedBackendOptions: readonly OptionTable[] = backendTables.map(withoutEffect);

function withoutEffect(options: OptionTable): OptionTable {
  return Object.fromEntries(Object.entries(options).map(([name, option]) => [name, { ...option, ignored: true }]));
}
