import { Float } from '../base/python-float.ts';
import { repr, str } from '../base/python-text.ts';
import type { Option, OptionTable } from '../interface/options.ts';
import { isRecord } from '../objects/versioned-object.ts';
import { interpolate } from './interpolate.ts';
import { NotValid, type Origin, optionProblem, originText, type Problem, Unusable } from './problems.ts';
import { isSecret, withoutPasswords } from './secrets.ts';
import { type FoundText, groupKey, isMulti, type Place, type SourceIndex } from './source-index.ts';
import type { Defaults, DefaultValue } from './sources.ts';
import { convert } from './types.ts';

/** An option's value and where it comes from. `set` is false for every kind of default. */
export interface Resolved {
  readonly value: unknown;
  readonly origin: Origin;
  readonly set: boolean;
}

type DefaultsByKey = ReadonlyMap<string, Defaults[string]>;

/** What all views of one configuration share. */
export interface ViewContext {
  readonly index: SourceIndex;
  /** Set by the program: stronger than everything (config.md §2). */
  readonly overrides: DefaultsByKey;
  /** The view of another group, for `${group.name}`; undefined when there is no such group. */
  group(name: string): GroupView | undefined;
  /** Told of each older name that counted. */
  onOlderName(older: Place, current: Place): void;
}

/** An option of a backend's section that nobody declared is a text (C-073). */
const undeclared: Option<unknown> = { kind: 'str', preset: undefined, help: '' };

/** Read from the backend's own section alone (C-072). */
const ownSectionOnly = 'backend_host';

/**
 * The options of one group, typed on demand, each once. A backend's section is a view over two sections of the files, its
 * own and `[backend_defaults]`, and open to options that no table has.
 */
export class GroupView {
  readonly name: string;
  readonly options: OptionTable;
  readonly #path: readonly string[];
  readonly #open: boolean;
  readonly #around: ViewContext;
  readonly #aliases: ReadonlyMap<string, string>;
  readonly #known = new Map<string, Resolved | Unusable>();
  #behind: GroupView | undefined;

  constructor(around: ViewContext, path: readonly [string, ...string[]], options: OptionTable, open = false) {
    this.name = path[0];
    this.options = options;
    this.#path = path.map(groupKey);
    this.#open = open;
    this.#around = around;
    this.#aliases = new Map(
      Object.entries(options).flatMap(([name, option]) =>
        (option.was ?? []).flatMap((older) => (older.includes('.') ? [] : [[older, name] as const])),
      ),
    );
  }

  /** Whether there is such an option here: declared, by an older name, or set in an open section. */
  has(name: string): boolean {
    return (
      Object.hasOwn(this.options, name) ||
      this.#aliases.has(name) ||
      (this.#open && this.#path.some((section) => this.#around.index.keysOf(section).has(name)))
    );
  }

  /** The section that is asked first. */
  get key(): string {
    return this.#path[0] ?? '';
  }

  /** Whether somebody sets the option, under whatever name. */
  isSet(name: string): boolean {
    const option = this.declared(name);
    return this.#path.some((section) => this.#around.index.find(section, name, option) !== undefined);
  }

  /** The declaration of an option; a text where there is none. */
  declared(name: string): Option<unknown> {
    return (Object.hasOwn(this.options, name) ? this.options[name] : undefined) ?? undeclared;
  }

  /** Names that somebody set in these sections, by default all, without any table knowing them; with their places. */
  undeclaredKeys(sections = this.#path): ReadonlyMap<string, Origin> {
    const keys = sections.toReversed().flatMap((section) => [...this.#around.index.keysOf(section)]);
    return new Map(keys.filter(([name]) => !Object.hasOwn(this.options, name) && !this.#aliases.has(name)));
  }

  /** The value of an option. Throws Unusable when it, or what it refers to, cannot be read. */
  get(name: string, trail: readonly string[] = []): Resolved {
    const current = this.#aliases.get(name) ?? name;
    const known = this.#known.get(current);
    if (known instanceof Unusable) throw known;
    if (known !== undefined) return known;
    const label = this.key === 'DEFAULT' ? current : `${this.name}.${current}`;
    if (trail.includes(label)) {
      throw new NotValid(`reference cycle: ${[...trail.slice(trail.indexOf(label)), label].join(' → ')}`);
    }
    try {
      const resolved = this.#resolve(current, [...trail, label]);
      this.#known.set(current, resolved);
      return resolved;
    } catch (error) {
      if (error instanceof Unusable) this.#known.set(current, error);
      throw error;
    }
  }

  #resolve(name: string, trail: readonly string[]): Resolved {
    const option = this.declared(name);
    const override = preset(this.#around.overrides, this.key, name);
    if (override !== undefined) return { value: override, origin: { kind: 'default' }, set: true };
    const sections = name === ownSectionOnly ? this.#path.slice(0, 1) : this.#path;
    for (const [depth, section] of sections.entries()) {
      const found = this.#around.index.find(section, name, option);
      if (found === undefined) continue;
      for (const older of found.older) this.#around.onOlderName(older, { group: section, name });
      const place = { group: depth === 0 ? this.name : section, name };
      const values = found.items.map((item) => this.#from(depth).#convert(place, item, trail));
      const value = isMulti(option) ? Object.freeze(values.flat()) : values[0];
      const origin = found.items.at(-1)?.origin;
      // A value that is none counts as not set (C-071).
      if (value !== undefined && origin !== undefined) return { value, origin, set: true };
    }
    const defaults = sections.map((section) => preset(this.#around.index.defaults, section, name));
    const fallback = defaults.find((value) => value !== undefined) ?? option.preset;
    return { value: this.#fromPreset(name, fallback, trail), origin: { kind: 'default' }, set: false };
  }

  /** The group as a value sees it that stands in the section at this depth: its references start there (C-041). */
  #from(depth: number): GroupView {
    const [, ...rest] = this.#path;
    const [next, ...others] = rest;
    if (depth === 0 || next === undefined) return this;
    this.#behind ??= new GroupView(this.#around, [next, ...others], this.options, this.#open);
    return this.#behind.#from(depth - 1);
  }

  #convert(place: Place, { text, origin }: FoundText, trail: readonly string[]): unknown {
    const option = this.declared(place.name);
    try {
      return convert(option, [interpolate(text, (key) => this.#reference(key, trail))]);
    } catch (error) {
      if (!(error instanceof NotValid)) throw error;
      throw new Unusable(problemOf(place, option, { text, origin }, error));
    }
  }

  #fromPreset(name: string, preset: unknown, trail: readonly string[]): unknown {
    const fill = (text: string): string => interpolate(text, (key) => this.#reference(key, trail));
    const option = this.declared(name);
    try {
      if (Array.isArray(preset)) {
        return Object.freeze(preset.map((item: unknown) => (typeof item === 'string' ? fill(item) : item)));
      }
      if (typeof preset !== 'string') return preset;
      return option.kind === 'str' || option.kind === 'host' ? fill(preset) : convert(option, [fill(preset)]);
    } catch (error) {
      if (!(error instanceof NotValid)) throw error;
      const message = `Default value for option ${this.name}.${name} is not valid: ${error.message}`;
      throw new Unusable(optionProblem(message, 'default', `[${this.name}] ${name}`, error.message));
    }
  }

  /** The text that a reference stands for; undefined when there is no such option. */
  #reference(key: string, trail: readonly string[]): string | undefined {
    const dot = key.indexOf('.');
    const name = key.slice(dot + 1);
    const view =
      dot >= 0 ? this.#around.group(key.slice(0, dot)) : this.has(name) ? this : this.#around.group('DEFAULT');
    if (!view?.has(name)) return undefined;
    const { value } = view.get(name, trail);
    return value === undefined ? '' : str(pythonValue(value, view.declared(name)));
  }
}

function preset(defaults: DefaultsByKey, section: string, name: string): DefaultValue | undefined {
  const group = defaults.get(section);
  return group !== undefined && Object.hasOwn(group, name) ? group[name] : undefined;
}

/** A value in the form that Python's spelling needs: a float keeps its point, a dictionary may have any key. */
export function pythonValue(value: unknown, { kind }: Pick<Option<unknown>, 'kind'>): unknown {
  if (kind === 'float' && typeof value === 'number') return new Float(value);
  if (kind === 'dict' && isRecord(value)) return new Map(Object.entries(value));
  if (kind === 'multi dict' && Array.isArray(value)) return value.map((item) => pythonValue(item, { kind: 'dict' }));
  return value;
}

function problemOf(
  { group, name }: Place,
  option: Option<unknown>,
  { text, origin }: FoundText,
  why: NotValid,
): Problem {
  const secret = isSecret(name, option);
  const reason = secret ? why.discreet : withoutPasswords(why.message);
  const from = origin.kind === 'command line' ? origin.spelled : originText(origin);
  const shown = secret ? '***' : withoutPasswords(text);
  const message = `Value for option ${group}.${name} from ${from} is not valid: ${reason}`;
  return optionProblem(message, from, `[${group}] ${name} = ${shown.includes('\n') ? repr(shown) : shown}`, reason);
}
