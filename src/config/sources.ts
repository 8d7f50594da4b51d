import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { messageOf } from '../base/errors.ts';
import { parseIni, type Section } from './ini.ts';
import { ConfigurationError, fileProblem, type Problem } from './problems.ts';
import { absolute, filesOf, findDefaults, type Surroundings, searchPath } from './search.ts';

/** One option of the command line, in the order of argv: that order decides who wins (C-004, C-010). */
export type CommandLineItem =
  | { readonly kind: 'file' | 'directory'; readonly path: string }
  | { readonly kind: 'value'; readonly option: string; readonly text: string; readonly spelled: string };

/** Values that apply where nobody sets the option: group, option, value. A text may refer to other options. */
export type Defaults = Readonly<Record<string, Readonly<Record<string, DefaultValue>>>>;
export type DefaultValue = string | number | boolean | readonly string[];

export interface SourcesRequest extends Surroundings {
  readonly items: readonly CommandLineItem[];
  /** The command line as it was typed, for the dump (L-141). */
  readonly args: readonly string[];
  readonly defaults: Defaults;
}

/**
 * Everything that a configuration is made from, read and taken apart but without types. It is plain data: the supervisor
 * reads once and hands it to its workers, so that a file that breaks later hurts none of them.
 */
export interface Sources {
  /** In the order of reading; a later file is stronger (C-004, C-005). */
  readonly files: readonly SourceFile[];
  readonly commandLine: readonly CommandLineValue[];
  /** The variables `OS_*__*` (C-060). */
  readonly environment: Readonly<Record<string, string>>;
  readonly defaults: Defaults;
  readonly args: readonly string[];
  /** What is read again on SIGHUP (C-008). */
  readonly named: readonly NamedItem[];
  /** Where `cinder.conf` was looked for. */
  readonly searched: readonly string[];
}

interface SourceFile {
  readonly path: string;
  readonly sections: readonly Section[];
}

/** A value of the command line, stronger than the first `after` files and weaker than the others (C-010). */
interface CommandLineValue {
  readonly option: string;
  readonly text: string;
  readonly spelled: string;
  readonly after: number;
}

/** A path is absolute; `found` by the search path: then a folder may vanish, as upstream. */
type NamedItem =
  | { readonly kind: 'file' | 'directory'; readonly path: string; readonly found: boolean }
  | Extract<CommandLineItem, { kind: 'value' }>;

/** Finds and reads all sources. Throws ConfigurationError with everything that cannot be read (C-007, L-006). */
export function readSources(request: SourcesRequest): Sources {
  const searched = searchPath(request);
  const { args, defaults } = request;
  return read({ named: namedItems(request, searched), environment: variables(request), searched, args, defaults });
}

/** Reads one file and nothing else. Throws ConfigurationError (C-007, L-006). */
export function readSourceFile(path: string, where: Surroundings): SourceFile {
  const reader = new Reader();
  reader.addFile(absolute(path, where));
  const [file] = reader.files;
  if (file === undefined || reader.problems().length > 0) throw new ConfigurationError(reader.problems());
  return file;
}

/** Reads the same files and folders once more (C-008). Throws ConfigurationError; `sources` stays as it is. */
export function rereadSources(sources: Sources): Sources {
  return read(sources);
}

function namedItems(request: SourcesRequest, searched: readonly string[]): NamedItem[] {
  const missing = (kind: 'file' | 'directory'): boolean => !request.items.some((item) => item.kind === kind);
  const files = missing('file') ? findDefaults(searched, '.conf') : [];
  const folders = missing('directory') ? findDefaults(searched, '.conf.d') : [];
  return [
    ...files.map((path) => ({ kind: 'file', path, found: true }) as const),
    ...folders.map((path) => ({ kind: 'directory', path, found: true }) as const),
    ...request.items.map((item) =>
      item.kind === 'value' ? item : { kind: item.kind, path: absolute(item.path, request), found: false },
    ),
  ];
}

function variables({ environment }: SourcesRequest): Record<string, string> {
  const entries = Object.entries(environment).filter(
    (entry): entry is [string, string] => /^OS_.+__./.test(entry[0]) && entry[1] !== undefined,
  );
  return Object.fromEntries(entries);
}

function read(sources: Omit<Sources, 'files' | 'commandLine'>): Sources {
  const { named, environment, searched, args, defaults } = sources;
  const reader = new Reader();
  const commandLine: CommandLineValue[] = [];
  for (const item of named) {
    if (item.kind === 'value') {
      const { option, text, spelled } = item;
      commandLine.push({ option, text, spelled, after: reader.files.length });
    } else if (item.kind === 'file') reader.addFile(item.path);
    else reader.addFolder(item.path, item.found);
  }
  const problems = reader.problems();
  if (problems.length > 0) throw new ConfigurationError(problems);
  return { files: reader.files, commandLine, environment, defaults, args, named, searched };
}

/** Reads one file after the other and remembers what went wrong. */
class Reader {
  readonly files: SourceFile[] = [];
  readonly #faults: Problem[] = [];
  readonly #missing: string[] = [];
  readonly #closed: string[] = [];

  addFile(path: string): void {
    const bytes = this.#bytes(path);
    if (bytes === undefined) return;
    const { sections, problems } = parseFile(path, bytes);
    this.#faults.push(...problems);
    this.files.push({ path, sections });
  }

  addFolder(path: string, mayVanish: boolean): void {
    let names: string[];
    try {
      names = filesOf(path);
    } catch (error) {
      if (!(mayVanish && codeOf(error) === 'ENOENT')) {
        this.#faults.push(fileProblem(`Failed to read config file directory: ${path}`));
      }
      return;
    }
    for (const name of names) this.addFile(name);
  }

  problems(): Problem[] {
    const list = (words: string, paths: readonly string[]): Problem[] =>
      paths.length === 0 ? [] : [fileProblem(`${words}: ${paths.join(',')}`)];
    return [
      ...this.#faults,
      ...list('Failed to find some config files', this.#missing),
      ...list('Failed to open some config files', this.#closed),
    ];
  }

  #bytes(path: string): Buffer | undefined {
    try {
      return readFileSync(path);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') this.#missing.push(path);
      else this.#closed.push(code === 'EACCES' || code === 'EPERM' ? path : `${path} (${code ?? messageOf(error)})`);
      return undefined;
    }
  }
}

/** One file's sections, or its problems in upstream's words with file and line. */
function parseFile(path: string, bytes: Buffer): { sections: readonly Section[]; problems: Problem[] } {
  const told = (line: number, reason: string): Problem =>
    fileProblem(`Failed to parse ${path}: at ${path}:${line}, ${reason}`);
  if (!isUtf8(bytes)) return { sections: [], problems: [told(lineOfBadByte(bytes), 'invalid UTF-8')] };
  const { sections, faults } = parseIni(bytes.toString('utf8'));
  return { sections, problems: faults.map(({ line, reason }) => told(line, reason)) };
}

function lineOfBadByte(bytes: Buffer): number {
  const lines = bytes.toString('latin1').split(/\r\n|\n|\r/);
  return lines.findIndex((line) => !isUtf8(Buffer.from(line, 'latin1'))) + 1;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
