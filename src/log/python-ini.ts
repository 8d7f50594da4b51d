import { LogError } from './identity.ts';

/** The sections of a file in the dialect of Python's configparser, with the keys in lower case. */
export type PythonSections = ReadonlyMap<string, ReadonlyMap<string, string>>;

/**
 * Reads such a file: `key = value` or `key: value`, indented lines go on with the value above, whole-line comments with
 * `#` or `;`, `[DEFAULT]` stands behind every section. Throws LogError that names the line.
 */
export function parsePythonIni(text: string): PythonSections {
  const sections = new Map<string, Map<string, string>>();
  let section: Map<string, string> | undefined;
  let key: string | undefined;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(?:[#;].*)?$/.test(line)) continue;
    const header = /^\[(.+)\]\s*$/.exec(line)?.[1];
    if (header !== undefined) {
      if (sections.has(header)) throw new LogError(`section '${header}' stands twice (line ${index + 1})`);
      section = new Map();
      key = undefined;
      sections.set(header, section);
      continue;
    }
    if (section === undefined) throw new LogError(`no section header before line ${index + 1}: '${line.trim()}'`);
    if (/^\s/.test(line) && key !== undefined) {
      section.set(key, `${section.get(key) ?? ''}\n${line.trim()}`);
      continue;
    }
    const pair = /^\s*(.*?)\s*[=:]\s*(.*?)\s*$/.exec(line);
    if (pair === null) throw new LogError(`line ${index + 1} is no 'key = value': '${line.trim()}'`);
    key = (pair[1] ?? '').toLowerCase();
    if (section.has(key)) throw new LogError(`'${key}' stands twice in its section (line ${index + 1})`);
    section.set(key, pair[2] ?? '');
  }
  return withDefaults(sections);
}

function withDefaults(sections: ReadonlyMap<string, ReadonlyMap<string, string>>): PythonSections {
  const defaults = sections.get('DEFAULT') ?? new Map<string, string>();
  const named = [...sections].filter(([name]) => name !== 'DEFAULT');
  return new Map(named.map(([name, values]) => [name, new Map([...defaults, ...values])]));
}
