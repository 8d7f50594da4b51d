import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { program } from '../support/daemon.ts';
import { aFolder } from '../support/folder.ts';
import { repository } from '../support/repository.ts';
import { seeded } from '../support/seeded.ts';

const execute = promisify(execFile);

/** Debian's own Python: the one that its oslo.config belongs to. */
const python = '/usr/bin/python3';

/** Reads file names, and prints of each what oslo.config's parser makes of it, as `config parse` does. */
const reference = `
import json, sys
from oslo_config import cfg, iniparser
for name in sys.argv[1:]:
    sections = {}
    parser = cfg.ConfigParser(name, sections)
    try:
        parser.parse()
        told = {'file': name, 'sections': sections}
    except iniparser.ParseError as error:
        told = {'file': name, 'error': str(cfg.ConfigFileParseError(error.filename, str(error)))}
    print(json.dumps(told))
`;

interface Told {
  readonly file: string;
  readonly sections?: unknown;
  readonly error?: string;
}

async function byOslo(files: readonly string[]): Promise<Told[]> {
  const env = { ...process.env, LC_ALL: 'C.UTF-8' };
  const { stdout } = await execute(python, ['-c', reference, ...files], { env, maxBuffer: 2 ** 27 });
  return linesOf(stdout);
}

async function byOurs(files: readonly string[]): Promise<Told[]> {
  const words = [program, 'config', 'parse', ...files, '-f', 'json'];
  const options = { maxBuffer: 2 ** 27 };
  const { stdout } = await execute(process.execPath, words, options).catch(
    (error: { code: number; stdout: string }) => {
      assert.equal(error.code, 1);
      return error;
    },
  );
  return linesOf(stdout);
}

function linesOf(text: string): Told[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Told);
}

/** Where ours is better on purpose: a mark at the start of a file is none of its text (C-007). */
const mark = '\ufeff';

/** Upstream names the line after an assignment that stands before any section; we name its own (C-027). */
function comparable({ error, ...told }: Told): Told {
  if (error === undefined) return told;
  return { ...told, error: error.replace(/:\d+, Section must be started/, ':N, Section must be started') };
}

/** The pieces that lines are made of: what the two could read differently. */
const pieces = [
  ...[
    '[',
    ']',
    '[DEFAULT]',
    '[a b]',
    '[]',
    '[ x ]',
    '[[y]]',
    '=',
    ':',
    ' ',
    '  ',
    '\t',
    '#',
    ';',
    "'",
    '"',
    "''",
    '""',
  ],
  ...[
    'key',
    'other',
    'k-e_y',
    'Key',
    'value',
    'a,b',
    '$other',
    '%(x)s',
    '\\',
    '\\n',
    '$$',
    'ü',
    '名',
    '__proto__',
    '0',
    '10',
  ],
  ...[
    '\u00a0',
    '\u0085',
    '\u2028',
    '\u000b',
    '\u000c',
    '\u001c',
    '\u3000',
    '\u200b',
    '\r',
    '.',
    '/',
    '{}',
    '==',
    '=:',
    '" #"',
  ],
];

test('config parse reads thousands of files as the real oslo.config does [C-020, C-090, C-093]', async (t) => {
  const random = seeded(t);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const line = (): string => {
    const kind = random();
    if (kind < 0.25)
      return `${pick(['key', 'other', 'k'])}${pick([' = ', '=', ': ', ':', ' =', '\t=\t'])}${anything()}`;
    if (kind < 0.4) return `${pick([' ', '\t', '    '])}${anything()}`;
    if (kind < 0.5) return pick(['[DEFAULT]', '[lvm]', '[lvm]  ', '[a]# x', '[b', '[]']);
    if (kind < 0.6) return pick(['', ' ', '# comment', '; comment', '  # indented', '#', 'key']);
    return anything();
  };
  const anything = (): string => Array.from({ length: Math.floor(random() * 6) }, () => pick(pieces)).join('');
  const folder = aFolder(t);
  const files = Array.from({ length: 3000 }, (_, index) => {
    const file = join(folder, `${index}.conf`);
    const lines = Array.from({ length: Math.floor(random() * 10) }, line);
    const text =
      (random() < 0.8 ? '[DEFAULT]\n' : '') + lines.join(pick(['\n', '\n', '\n', '\r\n'])) + pick(['\n', '']);
    writeFileSync(file, text.startsWith(mark) ? text.slice(1) : text);
    return file;
  });

  const differing: string[] = [];
  for (let at = 0; at < files.length; at += 500) {
    const some = files.slice(at, at + 500);
    const [theirs, ours] = await Promise.all([byOslo(some), byOurs(some)]);
    assert.equal(ours.length, some.length);
    for (const [index, told] of theirs.entries()) {
      const own = ours[index];
      if (own !== undefined && JSON.stringify(comparable(own)) === JSON.stringify(comparable(told))) continue;
      const text = JSON.stringify(readFileSync(told.file, 'utf8'));
      differing.push(`${text}\n  oslo ${JSON.stringify(told)}\n  ours ${JSON.stringify(own)}`);
    }
  }

  assert.equal(differing.length, 0, `${differing.length} files differ:\n${differing.slice(0, 5).join('\n')}`);
});

test('config parse and oslo.config agree on every case of the conformance data [C-093]', async (t) => {
  const { cases } = JSON.parse(readFileSync(join(repository, 'test/config/cases.json'), 'utf8')) as {
    cases: { readonly title: string; readonly text: string }[];
  };
  const folder = aFolder(t);
  const files = cases.map(({ text }, index) => {
    const file = join(folder, `${index}.conf`);
    writeFileSync(file, text);
    return file;
  });

  const [theirs, ours] = await Promise.all([byOslo(files), byOurs(files)]);

  for (const [index, { title, text }] of cases.entries()) {
    const [own, told] = [ours[index], theirs[index]];
    assert.ok(own !== undefined && told !== undefined);
    if (!text.startsWith(mark)) assert.deepEqual(comparable(own), comparable(told), title);
  }
});
