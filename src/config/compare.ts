import { isDeepStrictEqual } from 'node:util';
import type { Logger } from '../base/log.ts';
import type { Setting } from './backend-section.ts';
import { type DriverOptions, noDriverOptions, shownValue } from './dump.ts';
import type { Configuration } from './load.ts';

/** One option that has another value than before; secrets are masked in both texts. */
interface OptionChange {
  readonly group: string;
  readonly option: string;
  readonly from: string;
  readonly to: string;
  /** Takes effect without a new process (C-080, C-081). */
  readonly mutable: boolean;
}

/** What a reload finds different (L-161, L-167). */
export interface Changes {
  /** Outside the backends' sections. */
  readonly options: readonly OptionChange[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Backends that stay enabled and whose effective options differ: their workers are replaced. */
  readonly changed: readonly { readonly name: string; readonly options: readonly OptionChange[] }[];
}

/** The differences between the configuration that runs and the one just read. */
export function compareConfigurations(
  before: Configuration,
  after: Configuration,
  driverOptions: DriverOptions = noDriverOptions,
): Changes {
  const options = after
    .groups()
    .flatMap((group) => differences(group, before.settings(group), after.settings(group), false));
  const changed = after.backends.flatMap((backend) => {
    const old = before.backend(backend.name);
    if (old === undefined) return [];
    const [was, is] = [old, backend].map((section) => section.settings(driverOptions(section)));
    const found = differences(backend.name, was ?? [], is ?? [], true);
    return found.length > 0 || old.present !== backend.present ? [{ name: backend.name, options: found }] : [];
  });
  return {
    options,
    added: after.backends.flatMap(({ name }) => (before.backend(name) === undefined ? [name] : [])),
    removed: before.backends.flatMap(({ name }) => (after.backend(name) === undefined ? [name] : [])),
    changed,
  };
}

/** Upstream's lines about a reload (L-162). */
export function logChanges(changes: readonly OptionChange[], logger: Logger): void {
  for (const { group, option, from, to, mutable } of changes) {
    if (mutable) logger.info('Option %s.%s changed from [%s] to [%s]', group, option, from, to);
    else logger.warning('Ignoring change to immutable option %s.%s', group, option);
  }
}

function differences(
  group: string,
  before: readonly Setting[],
  after: readonly Setting[],
  mutable: boolean,
): OptionChange[] {
  const old = new Map(before.map((setting) => [setting.name, setting]));
  const names = new Set([...before, ...after].map(({ name }) => name));
  const current = new Map(after.map((setting) => [setting.name, setting]));
  return [...names].sort().flatMap((name) => {
    const [was, is] = [old.get(name), current.get(name)];
    if (isDeepStrictEqual(comparable(was), comparable(is))) return [];
    const option = (is ?? was)?.option;
    return [{ group, option: name, from: shown(was), to: shown(is), mutable: mutable || option?.mutable === true }];
  });
}

function comparable(setting: Setting | undefined): unknown {
  if (setting === undefined) return undefined;
  return 'message' in setting.resolved ? setting.resolved.message : [setting.resolved.value];
}

function shown(setting: Setting | undefined): string {
  return setting === undefined ? 'None' : shownValue(setting, '***');
}
