import type { Option } from '../interface/options.ts';
import type { Assignment } from './ini.ts';
import type { Origin } from './problems.ts';
import type { Defaults, Sources } from './sources.ts';

/** The texts that count for an option, each with its place: one, or every assignment of a multi-valued option. */
interface Found {
  readonly items: readonly FoundText[];
  /** The older names under which they stand (C-051). */
  readonly older: readonly Place[];
}

export interface FoundText {
  readonly text: string;
  readonly origin: Origin;
}

export interface Place {
  readonly group: string;
  readonly name: string;
}

/** The name by which a group is found: case counts in `DEFAULT` alone (C-025). */
export function groupKey(name: string): string {
  return name === 'DEFAULT' ? name : name.toLowerCase();
}

/** A text that carries its own list: each assignment is an item (C-011). */
export function isMulti(option: Pick<Option<unknown>, 'kind'>): boolean {
  return option.kind === 'multi' || option.kind === 'multi dict';
}

/** Defaults by the names under which groups are found. */
export function byKey(defaults: Defaults): ReadonlyMap<string, Defaults[string]> {
  return new Map(Object.entries(defaults).map(([group, values]) => [groupKey(group), values]));
}

/** Looks texts up in the sources: precedence, older names and environment variables; it knows no types. */
export class SourceIndex {
  readonly sources: Sources;
  /** What the program has for a group where nobody says anything. */
  readonly defaults: ReadonlyMap<string, Defaults[string]>;
  readonly #files: readonly IndexedFile[];
  readonly #hasVariables: boolean;

  constructor(sources: Sources) {
    this.sources = sources;
    this.defaults = byKey(sources.defaults);
    this.#hasVariables = Object.keys(sources.environment).length > 0;
    this.#files = sources.files.map(({ path, sections }) => {
      const file: IndexedFile = { path, sections: new Map() };
      for (const section of sections) addSection(file, section.name, section.keys);
      return file;
    });
  }

  /** The strongest text of an option in one section (config.md §2); undefined when nobody sets it. */
  find(group: string, name: string, option: Option<unknown>): Found | undefined {
    const places = [{ group, name }, ...(option.was ?? []).map((older) => placeOf(group, older))];
    const stated = isMulti(option) ? this.#everywhere(places) : this.#last(places);
    if (stated?.items[0]?.origin.kind === 'command line') return stated;
    return this.#variable(group, name, isMulti(option)) ?? stated;
  }

  /** Whether a file has such a section, however empty, or a variable or a default belongs to it. */
  hasSection(group: string): boolean {
    return (
      this.#files.some((file) => file.sections.has(group)) ||
      this.#variables(group).length > 0 ||
      this.defaults.has(group)
    );
  }

  /** Every key that a file or a variable sets in a section, with the place of its last assignment. */
  keysOf(group: string): ReadonlyMap<string, Origin> {
    const keys = new Map<string, Origin>();
    for (const { path, sections } of this.#files) {
      for (const [name, assignments] of sections.get(group) ?? []) {
        const line = assignments.at(-1)?.line ?? 0;
        keys.set(name, { kind: 'file', file: path, line, section: group });
      }
    }
    for (const { variable, option } of this.#variables(group)) {
      if (!keys.has(option)) keys.set(option, { kind: 'environment', name: variable });
    }
    return keys;
  }

  /** The last assignment wins, that of the command line at its place among the files (C-010, C-011). */
  #last(places: readonly Place[]): Found | undefined {
    for (let after = this.#files.length; after >= 0; after -= 1) {
      const typed = this.#typed(places[0], after);
      if (typed !== undefined) return { items: [typed], older: [] };
      const file = this.#files[after - 1];
      for (const [index, place] of file === undefined ? [] : places.entries()) {
        const items = textsOf(file, place);
        if (items.length > 0) return { items: items.slice(-1), older: index > 0 ? [place] : [] };
      }
    }
    return undefined;
  }

  #everywhere(places: readonly Place[]): Found | undefined {
    const hits = this.#files.flatMap((file) =>
      // In one file the older names come first, as upstream joins them.
      places.toReversed().map((place) => ({ place, items: textsOf(file, place) })),
    );
    const used = hits.filter((hit) => hit.items.length > 0);
    if (used.length === 0) return undefined;
    const older = used.map((hit) => hit.place).filter((place) => place !== places[0]);
    return { items: used.flatMap((hit) => hit.items), older };
  }

  #typed(place: Place | undefined, after: number): FoundText | undefined {
    if (place?.group !== 'DEFAULT') return undefined;
    const value = this.sources.commandLine.findLast((item) => item.option === place.name && item.after === after);
    return value && { text: value.text, origin: { kind: 'command line', spelled: value.spelled } };
  }

  #variable(group: string, name: string, multi: boolean): Found | undefined {
    if (!this.#hasVariables) return undefined;
    const exact = `OS_${group.toUpperCase()}__${name.toUpperCase()}`;
    const variable = [exact, plainName(exact)].find((candidate) => Object.hasOwn(this.sources.environment, candidate));
    const value = variable === undefined ? undefined : this.sources.environment[variable];
    if (variable === undefined || value === undefined) return undefined;
    const origin: Origin = { kind: 'environment', name: variable };
    return { items: (multi ? value.split('\n') : [value]).map((text) => ({ text, origin })), older: [] };
  }

  #variables(group: string): { variable: string; option: string }[] {
    const exact = `OS_${group.toUpperCase()}__`;
    return Object.keys(this.sources.environment)
      .filter((name) => name.startsWith(exact) || name.startsWith(plainName(exact)))
      .map((variable) => ({ variable, option: variable.slice(exact.length).toLowerCase() }));
  }
}

interface IndexedFile {
  readonly path: string;
  readonly sections: Map<string, Map<string, Assignment[]>>;
}

function addSection(
  { sections }: IndexedFile,
  name: string,
  keys: readonly { readonly name: string; readonly assignments: readonly Assignment[] }[],
): void {
  const section = sections.get(groupKey(name)) ?? new Map<string, Assignment[]>();
  sections.set(groupKey(name), section);
  for (const key of keys) {
    const both = [...(section.get(key.name) ?? []), ...key.assignments];
    section.set(
      key.name,
      both.sort((a, b) => a.line - b.line),
    );
  }
}

function textsOf(file: IndexedFile | undefined, { group, name }: Place): FoundText[] {
  const assignments = file?.sections.get(group)?.get(name) ?? [];
  return assignments.map(({ line, text }) => ({
    text,
    origin: { kind: 'file', file: file?.path ?? '', line, section: group },
  }));
}

/** `group.name`, or a name in the same group. */
function placeOf(group: string, older: string): Place {
  const dot = older.indexOf('.');
  return dot < 0 ? { group, name: older } : { group: groupKey(older.slice(0, dot)), name: older.slice(dot + 1) };
}

/** Characters that no variable name can hold, as underscores (C-062). */
function plainName(variable: string): string {
  return variable.replace(/[^A-Z0-9_]/g, '_');
}
