import { parse } from 'ini';
import { repr } from '../base/python-text.ts';

/** One assignment as it stands in a file: the text without its quotes, continuations joined with a newline. */
export interface Assignment {
  readonly line: number;
  readonly text: string;
}

/** All assignments of one key of a section, in the order of the file. */
interface Key {
  readonly name: string;
  readonly assignments: readonly Assignment[];
}

/** A section by its name as written; every occurrence of it in the file is merged (C-012). */
export interface Section {
  readonly name: string;
  readonly keys: readonly Key[];
}

/** A line that the grammar has no place for, in upstream's words: `Key cannot be empty: '= a'` (config.md §3.1). */
interface SyntaxFault {
  readonly line: number;
  readonly reason: string;
}

/** Sections, or what keeps the text from being read: then all faults, where upstream stops at the first. */
interface ParsedIni {
  readonly sections: readonly Section[];
  readonly faults: readonly SyntaxFault[];
}

/**
 * Reads the dialect of oslo.config (config.md §3). The text is brought into a form that npm's `ini` can read in one way
 * only, `ini` builds the sections, and the encoding is undone (C-090, C-091). Nothing is thrown, whatever the text.
 */
export function parseIni(text: string): ParsedIni {
  const { normalised, faults } = normalise(text);
  if (faults.length > 0) return { sections: [], faults };
  const groups: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = parse(normalised);
  const sections = Object.entries(groups).map(([section, keys]) => ({
    name: decoded(section),
    keys: Object.entries(keys).map(([key, values]) => ({ name: decoded(key), assignments: values.map(assignment) })),
  }));
  return { sections, faults };
}

/** What Python's `strip` takes for white space; JavaScript's own idea differs at both ends of the table. */
const blank = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const leading = new RegExp(`^${blank}+`);
const trailing = new RegExp(`${blank}+$`);

/** The text without white space at its ends, as Python's `strip` has it. */
export function strip(text: string): string {
  return text.replace(leading, '').replace(trailing, '');
}

interface Pending {
  readonly key: string;
  readonly line: number;
  readonly parts: string[];
}

function normalise(text: string): { normalised: string; faults: SyntaxFault[] } {
  const lines: string[] = [];
  const faults: SyntaxFault[] = [];
  let inSection = false;
  // What a continuation line would belong to; a faulty line keeps its own, so that it is told once.
  let pending: Pending | 'faulty' | undefined;

  const fault = (line: number, reason: string): void => {
    faults.push({ line, reason });
    pending = 'faulty';
  };
  const finish = (): void => {
    if (pending !== undefined && pending !== 'faulty') lines.push(encodedAssignment(pending));
    pending = undefined;
  };

  const source = text.startsWith('\ufeff') ? text.slice(1) : text;
  for (const [index, raw] of source.split(/\r\n|\n|\r/).entries()) {
    const number = index + 1;
    const line = raw.replace(trailing, '');
    if (line === '') {
      finish();
    } else if (line.startsWith(' ') || line.startsWith('\t')) {
      if (pending === undefined) fault(number, `Unexpected continuation line: ${repr(line)}`);
      else if (pending !== 'faulty') pending.parts.push(line.replace(leading, ''));
    } else {
      finish();
      const read = readLine(line);
      if (read === undefined) continue;
      if (typeof read === 'string') {
        // What follows a broken header is no fault of its own.
        inSection ||= line.startsWith('[');
        fault(number, read);
      } else if ('section' in read) {
        inSection = true;
        lines.push(`[s${encoded(read.section)}]`);
      } else if (inSection) {
        pending = { key: read.key, line: number, parts: [read.value] };
      } else {
        fault(number, 'Section must be started before assignment: None');
      }
    }
  }
  finish();
  return { normalised: lines.join('\n'), faults };
}

/** A line that starts in column 1: a section, an assignment, nothing (a comment), or what is wrong with it. */
function readLine(line: string): { section: string } | { key: string; value: string } | undefined | string {
  if (line.startsWith('#') || line.startsWith(';')) return undefined;
  if (line.startsWith('[')) {
    if (!line.endsWith(']')) return `Invalid section (must end with ]): ${repr(line)}`;
    if (line.length === 2) return `Empty section name: ${repr(line)}`;
    return { section: line.slice(1, -1) };
  }
  const at = line.search(/[:=]/);
  if (at < 0) return `No ':' or '=' found in assignment: ${repr(line)}`;
  const key = strip(line.slice(0, at));
  if (key === '') return `Key cannot be empty: ${repr(line)}`;
  return { key, value: unquoted(strip(line.slice(at + 1))) };
}

/** Takes one pair of equal quotes off; a lone quote is a pair with itself (C-022). */
function unquoted(value: string): string {
  return /^["']/.test(value) && value.at(0) === value.at(-1) ? value.slice(1, -1) : value;
}

function encodedAssignment({ key, line, parts }: Pending): string {
  // The two separators end a line for `ini`, while JSON has them as they are.
  const value = JSON.stringify(`${line}:${parts.join('\n')}`).replace(/[\u2028\u2029]/g, (char) =>
    char === '\u2028' ? '\\u2028' : '\\u2029',
  );
  return `k${encoded(key)}[] = ${value}`;
}

function encoded(name: string): string {
  return [...Buffer.from(name)]
    .map((byte) => String.fromCharCode(byte))
    .map((char) => (/\w/.test(char) ? char : `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`))
    .join('');
}

/** Undoes `encoded`, and takes off the letter that keeps `ini` from seeing a number or `__proto__`. */
function decoded(name: string): string {
  return decodeURIComponent(name.slice(1));
}

function assignment(value: string): Assignment {
  const colon = value.indexOf(':');
  return { line: Number(value.slice(0, colon)), text: value.slice(colon + 1) };
}
