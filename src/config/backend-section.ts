import { isDeepStrictEqual } from 'node:util';
import type { Option, OptionTable, ValuesOf } from '../interface/options.ts';
import { GroupView, type Resolved, type ViewContext } from './group-view.ts';
import { ConfigurationError, type Origin, originText, type Problem, Unusable } from './problems.ts';
import { joinTables } from './schema.ts';
import { groupKey } from './source-index.ts';

/** An option with its value, or with what is wrong with it. */
export interface Setting {
  readonly name: string;
  readonly option: Option<unknown>;
  readonly resolved: Resolved | Problem;
}

/**
 * The section of one backend: its options, behind them `[backend_defaults]`, behind those the defaults; `[DEFAULT]` is not
 * asked (C-070). A driver reads its own options with its own table; what nobody declared can be read as text (C-073).
 */
export class BackendSection {
  readonly name: string;
  /** False where the backend is enabled but has no section: it cannot start (L-074). */
  readonly present: boolean;
  readonly #listed: Origin | undefined;
  readonly #around: ViewContext;
  readonly #path: readonly [string, ...string[]];
  readonly #general: OptionTable;
  readonly #view: GroupView;

  /** `listed` is where its name stands, for a backend that is enabled. */
  constructor(around: ViewContext, path: readonly [string, ...string[]], general: OptionTable, listed?: Origin) {
    this.name = path[0];
    this.present = listed === undefined || around.index.hasSection(groupKey(path[0]));
    this.#listed = listed;
    this.#around = around;
    this.#path = path;
    this.#general = general;
    this.#view = new GroupView(around, path, general, true);
  }

  /** The one backend of a configuration without sections: what its table does not know is the daemon's (L-075). */
  get isDefault(): boolean {
    return this.name === 'DEFAULT';
  }

  /** The values of the options of a table, frozen. Throws ConfigurationError with everything wrong among them. */
  values<T extends OptionTable>(options: T): ValuesOf<T> {
    return valuesOf(this.#viewWith(options), options);
  }

  /** One option as text, declared or not; undefined when nobody sets it. Throws ConfigurationError. */
  text(name: string): string | undefined {
    try {
      const { value } = this.#view.get(name);
      return value === undefined ? undefined : String(value);
    } catch (error) {
      if (error instanceof Unusable) throw new ConfigurationError([error.problem]);
      throw error;
    }
  }

  /** What is wrong in the section, its driver's options included. */
  problems(options: OptionTable = {}): readonly Problem[] {
    if (!this.present) return [missingSection(this.name, this.#listed)];
    return problemsOf(this.settings(options));
  }

  /** All declared options by name, and the undeclared ones that are set. */
  settings(options: OptionTable = {}): readonly Setting[] {
    const view = this.#viewWith(options);
    const undeclared = this.isDefault ? [] : view.undeclaredKeys().keys();
    return settingsOf(view, [...Object.keys(view.options), ...undeclared]);
  }

  /** Keys of the section itself that no table knows, this one included (L-009). */
  unknown(options: OptionTable = {}): ReadonlyMap<string, Origin> {
    const view = this.#viewWith(options);
    return this.isDefault ? new Map() : view.undeclaredKeys([view.key]);
  }

  /** The view in which references to this backend's section are looked up. */
  get view(): GroupView {
    return this.#view;
  }

  #viewWith(options: OptionTable): GroupView {
    const more = Object.keys(options).some((name) => !isDeepStrictEqual(this.#general[name], options[name]));
    return more ? new GroupView(this.#around, this.#path, joinTables([options, this.#general]), true) : this.#view;
  }
}

/** The values of a table's options in a view. Throws ConfigurationError with everything wrong among them. */
export function valuesOf<T extends OptionTable>(view: GroupView, options: T): ValuesOf<T> {
  const settings = settingsOf(view, Object.keys(options));
  const problems = problemsOf(settings);
  if (problems.length > 0) throw new ConfigurationError(problems);
  const values = settings.map(({ name, resolved }) => [name, 'value' in resolved ? resolved.value : undefined]);
  return Object.freeze(Object.fromEntries(values)) as ValuesOf<T>;
}

/** These options of a view, sorted by name. */
export function settingsOf(view: GroupView, names: readonly string[]): Setting[] {
  return [...names].sort().map((name) => ({ name, option: view.declared(name), resolved: resolvedIn(view, name) }));
}

/** Each problem once, though many options may refer to the same broken one. */
export function problemsOf(settings: readonly Setting[]): Problem[] {
  return [...new Set(settings.flatMap(({ resolved }) => ('message' in resolved ? [resolved] : [])))];
}

/** An option's value, or what is wrong with it. */
export function resolvedIn(view: GroupView, name: string): Resolved | Problem {
  try {
    return view.get(name);
  } catch (error) {
    if (error instanceof Unusable) return error.problem;
    throw error;
  }
}

function missingSection(name: string, listed: Origin = { kind: 'default' }): Problem {
  const place = originText(listed);
  const reason = `no [${name}] section in the configuration`;
  const finding = `${place}: [DEFAULT] enabled_backends names '${name}', but there is no section [${name}]`;
  return { message: reason, reason, place, finding };
}
