import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './repository.ts';

// `make ids SPEC=DIR`: the ids of the pages in DIR that no test's title names, by page, and ids in titles that no page
// knows, which are typing errors and the only thing that fails.

const pattern = /\b(?:[CGLMORS]-\d{2,3}[A-Z]?[a-z]?|A(?:[1-9]|1\d))\b/g;

/** Each id that stands first in a row of a table, with its priority where the row tells one. */
function idsOf(text: string): Map<string, string> {
  const rows = [...text.matchAll(/^\| *\**([CGLMORS]-\d{2,3}[A-Z]?[a-z]?|A\d+)\b(.*)$/gm)];
  return new Map(rows.map(([, id = '', rest = '']) => [id, /\bP[123]\b/.exec(rest)?.[0] ?? '']));
}

function provenIn(folder: string): Set<string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const brackets = files.flatMap((name) => [
    ...readFileSync(join(folder, name), 'utf8').matchAll(/\[((?:[^\][\n])*)\](?=['`"])/g),
  ]);
  return new Set(brackets.flatMap(([, inside = '']) => inside.match(pattern) ?? []));
}

const [spec = ''] = process.argv.slice(2);
const pages = readdirSync(spec).filter((name) => name.endsWith('.md'));
const proven = provenIn(join(repository, 'test'));
const known = new Set<string>();
for (const page of pages) {
  const text = readFileSync(join(spec, page), 'utf8');
  for (const id of text.match(pattern) ?? []) known.add(id);
  const missing = [...idsOf(text)].filter(([id]) => !proven.has(id));
  for (const priority of ['P1', 'P2', 'P3', '']) {
    const ids = missing.filter(([, of]) => of === priority).map(([id]) => id);
    if (ids.length > 0) process.stdout.write(`${page}${priority && ` ${priority}`}: ${ids.join(' ')}\n`);
  }
}
const strange = [...proven].filter((id) => !known.has(id));
if (strange.length > 0) process.stdout.write(`in tests, and on no page: ${strange.join(' ')}\n`);
process.exitCode = strange.length > 0 ? 1 : 0;
