import type { Level, Logger } from '../base/log.ts';
import type { OptionTable } from '../interface/options.ts';
import type { BackendSection } from './backend-section.ts';
import type { GroupView } from './group-view.ts';
import { type Origin, originText } from './problems.ts';
import type { Place, SourceIndex } from './source-index.ts';

/** A remark about a configuration that stops nothing. */
export interface ConfigWarning {
  /** `unknown` options are worth a WARNING to those who ask for strictness, else DEBUG (L-009). */
  readonly kind: 'older name' | 'removal' | 'dropped' | 'no effect' | 'unknown' | 'duplicate';
  /** The log's fixed text, its values beside it. */
  readonly template: string;
  readonly values: readonly string[];
  /** The line of `config check`. */
  readonly finding: string;
}

/** Writes all remarks to a log, as upstream under `oslo_config.cfg`. */
export function logWarnings(warnings: readonly ConfigWarning[], logger: Logger, strict: boolean): void {
  for (const { kind, template, values } of warnings) {
    const level: Level = kind === 'unknown' && !strict ? 'DEBUG' : 'WARNING';
    logger.log(level, {}, template, ...values);
  }
}

interface Remarkable {
  readonly index: SourceIndex;
  readonly views: readonly GroupView[];
  readonly backends: readonly BackendSection[];
  readonly backendOptions: OptionTable;
  /** As listed, with duplicates. */
  readonly enabled: readonly string[];
  readonly olderNames: readonly { readonly older: Place; readonly current: Place }[];
}

export function warningsOf(about: Remarkable): ConfigWarning[] {
  return [
    ...about.olderNames.map(({ older, current }) => olderName(older, current)),
    ...about.views.flatMap(removals),
    ...dropped(about),
    ...misplaced(about),
    ...unknown(about),
    ...duplicates(about.enabled),
  ];
}

function olderName(older: Place, current: Place): ConfigWarning {
  return remark(
    'older name',
    'Deprecated: Option "%s" from group "%s" is deprecated. Use option "%s" from group "%s".',
    [older.name, older.group, current.name, current.group],
    `[${older.group}] ${older.name} is an older name, use ${current.name} in [${current.group}]`,
  );
}

/** Options that will go, where somebody sets them (C-052); those of long ago have a remark of their own. */
function removals(view: GroupView): ConfigWarning[] {
  const leaving = Object.entries(view.options).filter(
    ([name, option]) => option.removal !== undefined && !Object.hasOwn(successors, name) && view.isSet(name),
  );
  return leaving.map(([name, { removal = '' }]) =>
    remark(
      'removal',
      'Deprecated: Option "%s" from group "%s" is deprecated for removal (%s).  Its value may be silently ignored in the future.',
      [name, view.name, removal],
      `[${view.name}] ${name} will be removed: ${removal}`,
    ),
  );
}

/** Names that upstream once had or that installers misspell, with what to write instead (C-053). */
const successors: Readonly<Record<string, string | undefined>> = {
  iscsi_helper: 'target_helper',
  iscsi_protocol: 'target_protocol',
  iscsi_ip_address: 'target_ip_address',
  iscsi_port: 'target_port',
  iscsi_target_prefix: 'target_prefix',
  verbose: 'debug',
  rpc_backend: 'transport_url',
  api_paste_confg: 'api_paste_config',
  heartbeat_in_pthread: undefined,
  rabbit_quorum_queues: 'rabbit_quorum_queue',
};

function dropped({ index, views, backends }: Remarkable): ConfigWarning[] {
  const sections = new Set([...views, ...backends.map(({ view }) => view)].map((view) => view.key));
  return [...sections.add('backend_defaults')].flatMap((section) =>
    [...index.keysOf(section)]
      .filter(([name]) => Object.hasOwn(successors, name))
      .map(([name, origin]) => {
        const successor = successors[name];
        const gone = at(origin, section, `${name} is not known any more`);
        return successor === undefined
          ? remark('dropped', 'Option %s is not known any more', [name], gone)
          : remark(
              'dropped',
              'Option %s is not known any more; use %s',
              [name, successor],
              `${gone}, use ${successor}`,
            );
      }),
  );
}

/** Options of backends in `[DEFAULT]`, which no backend looks at (C-074); `backend_host` has another place (C-072). */
function misplaced({ index, views, backends, backendOptions }: Remarkable): ConfigWarning[] {
  if (backends.length === 0 || backends.some(({ isDefault }) => isDefault)) return [];
  const own = views.find((view) => view.key === 'DEFAULT')?.options ?? {};
  return [...index.keysOf('DEFAULT')]
    .filter(([name]) => Object.hasOwn(backendOptions, name) && !Object.hasOwn(own, name))
    .map(([name, origin]) => {
      const place = name === 'backend_host' ? "the backend's own section" : '[backend_defaults]';
      const finding = at(origin, 'DEFAULT', `${name} has no effect here, move it to ${place}`);
      return remark('no effect', `Option %s in [DEFAULT] has no effect, move it to ${place}`, [name], finding);
    });
}

/** Keys of declared groups that nothing reads (L-009). A backend's keys are its driver's affair. */
function unknown({ views, backendOptions }: Remarkable): ConfigWarning[] {
  const olderPlaces = new Set(views.flatMap((view) => Object.values(view.options)).flatMap(({ was = [] }) => was));
  const elsewhere = (group: string, name: string): boolean =>
    olderPlaces.has(`${group}.${name}`) || (group === 'DEFAULT' && Object.hasOwn(backendOptions, name));
  return views.flatMap((view) => {
    const keys = [...view.undeclaredKeys()].filter(([name]) => !elsewhere(view.name, name));
    return unknownOptions(view.name, new Map(keys));
  });
}

/** The remarks on keys that nobody reads, but for those that have a remark of their own. */
export function unknownOptions(group: string, keys: ReadonlyMap<string, Origin>): ConfigWarning[] {
  return [...keys]
    .filter(([name]) => !Object.hasOwn(successors, name))
    .map(([name, origin]) => unknownOption(group, name, origin));
}

function unknownOption(group: string, name: string, origin: Origin): ConfigWarning {
  const finding = at(origin, group, `${name} is not an option of this daemon`);
  return remark('unknown', 'Unknown option %s in section [%s] at %s', [name, group, originText(origin)], finding);
}

function duplicates(enabled: readonly string[]): ConfigWarning[] {
  const repeated = new Set(enabled.filter((name, index) => enabled.indexOf(name) < index));
  return [...repeated].map((name) =>
    remark(
      'duplicate',
      'Backend %s is listed more than once in enabled_backends, ignoring the duplicate',
      [name],
      `[DEFAULT] enabled_backends lists '${name}' more than once`,
    ),
  );
}

function at(origin: Origin, group: string, words: string): string {
  return `${originText(origin)}: [${group}] ${words}`;
}

function remark(
  kind: ConfigWarning['kind'],
  template: string,
  values: readonly string[],
  finding: string,
): ConfigWarning {
  return { kind, template, values, finding };
}
