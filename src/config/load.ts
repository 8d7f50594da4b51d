import type { OptionGroup, OptionTable, ValuesOf } from '../interface/options.ts';
import { BackendSection, problemsOf, resolvedIn, type Setting, settingsOf, valuesOf } from './backend-section.ts';
import { GroupView, type ViewContext } from './group-view.ts';
import { ConfigurationError, type Origin, type Problem } from './problems.ts';
import { joinGroups, joinTables, type Schema } from './schema.ts';
import { byKey, groupKey, type Place, SourceIndex } from './source-index.ts';
import type { Defaults, Sources } from './sources.ts';
import { type ConfigWarning, warningsOf } from './warnings.ts';

/**
 * Types everything that the sources say (C-031). Nothing is thrown for a wrong value: outside the backends' sections it is
 * among `problems`, inside it belongs to that backend alone (L-104). `overrides` are values that the program sets.
 */
export function load(sources: Sources, schema: Schema, overrides: Defaults = {}): Configuration {
  return new Configuration(sources, schema, overrides);
}

export class Configuration {
  readonly sources: Sources;
  /**
   * In the order of `enabled_backends`, each once; blanks trimmed, empty items skipped (L-070, L-076). Where there is none
   * and `allow_single_backend` says so, `[DEFAULT]` itself (L-075).
   */
  readonly backends: readonly BackendSection[];
  readonly #backendOptions: OptionTable;
  readonly #around: ViewContext;
  readonly #views = new Map<string, GroupView>();
  readonly #olderNames = new Map<string, { older: Place; current: Place }>();
  #problems: readonly Problem[] | undefined;

  constructor(sources: Sources, schema: Schema, overrides: Defaults) {
    this.sources = sources;
    this.#backendOptions = joinTables(schema.backend);
    this.#around = {
      index: new SourceIndex(sources),
      overrides: byKey(withFiles(sources, overrides)),
      group: (name) => this.#group(name),
      onOlderName: (older, current) => {
        const key = `${older.group}.${older.name}`;
        if (!this.#olderNames.has(key)) this.#olderNames.set(key, { older, current });
      },
    };
    for (const [key, { group, options }] of joinGroups(schema)) {
      this.#views.set(key, new GroupView(this.#around, [group], options));
    }
    const { names, origin } = this.#enabled();
    const sections = [...new Set(names)].map((name) => this.#backend([name, 'backend_defaults'], origin));
    this.backends = sections.length === 0 && this.#allowsSingle() ? [this.defaultBackend()] : sections;
  }

  /** What is wrong outside the backends' sections: the daemon cannot start with it (L-007). Types every option when asked. */
  get problems(): readonly Problem[] {
    return this.#typeAll();
  }

  /** The values of a group's options, frozen. Throws ConfigurationError when one of them cannot be read. */
  values<G extends OptionGroup>(group: G): ValuesOf<G['options']> {
    const view = this.#views.get(groupKey(group.group));
    if (view === undefined) throw new Error(`group [${group.group}] is not part of the schema`);
    return valuesOf(view, group.options);
  }

  /** The backend of this name among the enabled ones. */
  backend(name: string): BackendSection | undefined {
    return this.backends.find((backend) => backend.name === name);
  }

  /** The one backend of a configuration without sections, which reads `[DEFAULT]` (L-075). */
  defaultBackend(): BackendSection {
    return this.#backend(['DEFAULT']);
  }

  /** What applies to every backend that does not say otherwise (C-075). */
  backendDefaults(): BackendSection {
    return this.#backend(['backend_defaults']);
  }

  /** The declared groups, `DEFAULT` first, the others by name (L-143). */
  groups(): readonly string[] {
    const others = [...this.#views.keys()].filter((name) => name !== 'DEFAULT').sort();
    return this.#views.has('DEFAULT') ? ['DEFAULT', ...others] : others;
  }

  /** All options of a declared group, by name. */
  settings(group: string): readonly Setting[] {
    const view = this.#views.get(group);
    return view === undefined ? [] : settingsOf(view, Object.keys(view.options));
  }

  /** What deserves a word but stops nothing (C-051 to C-053, C-074, L-009, L-076). */
  warnings(): readonly ConfigWarning[] {
    this.#typeAll();
    return warningsOf({
      index: this.#around.index,
      views: [...this.#views.values()],
      backends: this.backends,
      backendOptions: this.#backendOptions,
      enabled: this.#enabled().names,
      olderNames: [...this.#olderNames.values()],
    });
  }

  /** This configuration, if it can be used outside its backends. Throws ConfigurationError with all problems. */
  orThrow(): this {
    if (this.problems.length > 0) throw new ConfigurationError(this.problems);
    return this;
  }

  /** Types every option outside the backends, once. It also finds which older names count. */
  #typeAll(): readonly Problem[] {
    this.#problems ??= problemsOf([...this.#views.keys()].flatMap((group) => this.settings(group)));
    return this.#problems;
  }

  #group(name: string): GroupView | undefined {
    const key = groupKey(name);
    if (key === 'backend_defaults') return this.backendDefaults().view;
    return this.#views.get(key) ?? this.backends?.find((backend) => groupKey(backend.name) === key)?.view;
  }

  #backend(path: readonly [string, ...string[]], listed?: Origin): BackendSection {
    return new BackendSection(this.#around, path, this.#backendOptions, listed);
  }

  #allowsSingle(): boolean {
    const view = this.#views.get('volume_daemon');
    const resolved = view?.has('allow_single_backend') ? resolvedIn(view, 'allow_single_backend') : undefined;
    return resolved !== undefined && 'value' in resolved && resolved.value === true;
  }

  /** The items of `enabled_backends`; none while they cannot be read, which is a problem of its own. */
  #enabled(): { names: string[]; origin: Origin } {
    const view = this.#views.get('DEFAULT');
    const resolved = view?.has('enabled_backends') ? resolvedIn(view, 'enabled_backends') : undefined;
    if (resolved === undefined || !('value' in resolved)) return { names: [], origin: { kind: 'default' } };
    const { value, origin } = resolved;
    const names = Array.isArray(value) ? value.map((item) => String(item).trim()).filter((name) => name !== '') : [];
    return { names, origin };
  }
}

/** `config_file` and `config_dir` say what was read, wherever the names came from. */
function withFiles(sources: Sources, overrides: Defaults): Defaults {
  const named = (kind: 'file' | 'directory'): string[] =>
    sources.named.flatMap((item) => (item.kind === kind ? [item.path] : []));
  const read = { config_file: named('file'), config_dir: named('directory') };
  return { ...overrides, DEFAULT: { ...read, ...overrides['DEFAULT'] } };
}
