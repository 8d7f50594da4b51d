import { repr, str } from '../base/python-text.ts';
import type { OptionTable } from '../interface/options.ts';
import type { BackendSection, Setting } from './backend-section.ts';
import { pythonValue } from './group-view.ts';
import type { Configuration } from './load.ts';
import { isSecret, withoutPasswords } from './secrets.ts';

/** The options that a backend's driver declares itself; none where the driver is not known here. */
export type DriverOptions = (backend: BackendSection) => OptionTable;

export const noDriverOptions: DriverOptions = () => ({});

/** A value as Python prints it, secrets as `mask` (L-144 to L-146); `<invalid: reason>` where there is none (L-148). */
export function shownValue({ name, option, resolved }: Setting, mask: '****' | '***'): string {
  if (isSecret(name, option)) return mask;
  if ('message' in resolved) return `<invalid: ${resolved.reason}>`;
  return withoutPasswords(str(pythonValue(resolved.value, option)));
}

/**
 * The lines that follow `Full set of CONF:` at DEBUG (L-141 to L-148). Of the backends only what is set is among them
 * (L-147): first of `[backend_defaults]`, in the place of its name, then of each backend in the order of the list.
 */
export function dumpLines(configuration: Configuration, driverOptions: DriverOptions = noDriverOptions): string[] {
  const files = configuration.sources.named.flatMap((item) => (item.kind === 'file' ? [item.path] : []));
  const groups = configuration.groups().map((name) => ({ name, settings: configuration.settings(name) }));
  const defaults = { name: 'backend_defaults', settings: setOnly(configuration.backendDefaults().settings()) };
  const [first, ...others] = groups;
  const sorted = [...others, defaults].sort((a, b) => (a.name < b.name ? -1 : 1));
  const backends = configuration.backends.map((backend) => ({
    name: backend.name,
    settings: setOnly(backend.settings(driverOptions(backend))),
  }));
  return [
    '*'.repeat(80),
    'Configuration options gathered from:',
    `command line args: ${withoutPasswords(repr(configuration.sources.args))}`,
    `config files: ${repr(files)}`,
    '='.repeat(80),
    ...[...(first === undefined ? [] : [first]), ...sorted, ...backends].flatMap(({ name, settings }) =>
      settings.map((setting) => {
        const label = name === 'DEFAULT' ? setting.name : `${name}.${setting.name}`;
        return `${label.padEnd(30)} = ${shownValue(setting, '****')}`;
      }),
    ),
    '*'.repeat(80),
  ];
}

function setOnly(settings: readonly Setting[]): Setting[] {
  return settings.filter(({ resolved }) => 'message' in resolved || resolved.set);
}
