import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigurationError } from '../../src/config/problems.ts';
import { findDefaults, searchPath } from '../../src/config/search.ts';
import { type CommandLineItem, readSources, rereadSources, type Sources } from '../../src/config/sources.ts';
import { aFolder, aRequest } from '../support/configuration.ts';

const one = '[DEFAULT]\nhost = a\n';

test('looks in the home, then in /etc, then where a snap keeps its files [C-001]', () => {
  const environment = { HOME: '/h', SNAP: '/snap', SNAP_COMMON: '/common' };

  assert.deepEqual(searchPath({ environment, home: '/other', cwd: '/' }), [
    '/h/.cinder',
    '/h',
    '/etc/cinder',
    '/etc',
    '/common/etc/cinder',
    '/snap/etc/cinder',
  ]);
  assert.equal(searchPath({ environment: {}, home: '/other', cwd: '/' })[0], '/other/.cinder');
});

test('takes the first of each default name only [C-001, C-002]', (t) => {
  const folder = aFolder(t, {
    'a/cinder.conf': one,
    'b/cinder.conf': one,
    'b/cinder-volume.conf': one,
    'b/cinder.conf.d/x.conf': one,
  });
  const folders = [join(folder, 'a'), join(folder, 'b')];

  assert.deepEqual(findDefaults(folders, '.conf'), [
    join(folder, 'a/cinder.conf'),
    join(folder, 'b/cinder-volume.conf'),
  ]);
  assert.deepEqual(findDefaults(folders, '.conf.d'), [join(folder, 'b/cinder.conf.d')]);
});

test('default folders are read before a file of the command line, default files are not [C-004]', (t) => {
  const folder = aFolder(t, { 'cinder.conf': one, 'cinder.conf.d/x.conf': one, 'given.conf': one });

  assert.deepEqual(read(folder, []), ['cinder.conf', 'cinder.conf.d/x.conf']);
  assert.deepEqual(read(folder, [{ kind: 'file', path: 'given.conf' }]), ['cinder.conf.d/x.conf', 'given.conf']);
});

test('files and folders of the command line are read in the order in which they stand there [C-004, C-005]', (t) => {
  const folder = aFolder(t, { 'a.conf': one, 'd/1.conf': one, 'b.conf': one });

  assert.deepEqual(
    read(folder, [
      { kind: 'file', path: 'b.conf' },
      { kind: 'directory', path: 'd' },
      { kind: 'file', path: 'a.conf' },
    ]),
    ['b.conf', 'd/1.conf', 'a.conf'],
  );
});

test('of a folder only its visible *.conf files count, in byte order, links included [C-003]', (t) => {
  const files = { 'd/b.conf': one, 'd/B.conf': one, 'd/é.conf': one, 'd/.c.conf': one, 'd/x.txt': 'no' };
  // The first stands before one that the machine may have in /etc.
  const folder = aFolder(t, { 'cinder.conf': one, ...files });
  mkdirSync(join(folder, 'd/sub.conf'));
  writeFileSync(join(folder, 'd/sub.conf/never.conf'), 'not read');
  symlinkSync(join(folder, 'd/b.conf'), join(folder, 'd/a.conf'));

  assert.deepEqual(read(folder, [{ kind: 'directory', path: 'd' }]), [
    'cinder.conf',
    ...['d/B.conf', 'd/a.conf', 'd/b.conf', 'd/é.conf'],
  ]);
});

test('~ is the home, and paths become absolute [C-006]', (t) => {
  const folder = aFolder(t, { 'home/x.conf': one, 'work/y.conf': one });
  const items: CommandLineItem[] = [
    { kind: 'file', path: '~/x.conf' },
    { kind: 'file', path: '../work/y.conf' },
  ];

  const { files } = readSources(aRequest(join(folder, 'work'), { home: join(folder, 'home'), items }));

  assert.deepEqual(
    files.map(({ path }) => path),
    [join(folder, 'home/x.conf'), join(folder, 'work/y.conf')],
  );
});

test('all missing files stand in one message, after the faults of the others [C-007, L-006]', (t) => {
  const folder = aFolder(t, { 'bad.conf': '[DEFAULT]\nhost\nx' });
  const items = ['no.conf', 'bad.conf', 'nor.conf'].map((path): CommandLineItem => ({ kind: 'file', path }));

  const error = refused(() => readSources(aRequest(folder, { items })));

  const bad = join(folder, 'bad.conf');
  assert.deepEqual(
    error.problems.map(({ message }) => message),
    [
      `Failed to parse ${bad}: at ${bad}:2, No ':' or '=' found in assignment: 'host'`,
      `Failed to parse ${bad}: at ${bad}:3, No ':' or '=' found in assignment: 'x'`,
      `Failed to find some config files: ${join(folder, 'no.conf')},${join(folder, 'nor.conf')}`,
    ],
  );
  assert.equal(error.message, `${error.problems[0]?.message} (and 2 more, 'config check' lists all)`);
});

test('one problem is one line of upstream’s text [L-006]', (t) => {
  const folder = aFolder(t);
  const missing = { kind: 'file', path: 'no.conf' } as const;
  const nowhere = { kind: 'directory', path: 'no.d' } as const;

  assert.equal(
    refused(() => readSources(aRequest(folder, { items: [missing] }))).message,
    `Failed to find some config files: ${join(folder, 'no.conf')}`,
  );
  assert.equal(
    refused(() => readSources(aRequest(folder, { items: [nowhere] }))).message,
    `Failed to read config file directory: ${join(folder, 'no.d')}`,
  );
});

test('a file that may not be read, or is none, is named [C-007, L-006]', (t) => {
  const folder = aFolder(t, { 'closed.conf': one, 'sub/x': '' });
  chmodSync(join(folder, 'closed.conf'), 0);
  const read = (path: string) =>
    refused(() => readSources(aRequest(folder, { items: [{ kind: 'file', path }] }))).message;

  assert.equal(read('sub'), `Failed to open some config files: ${join(folder, 'sub')} (EISDIR)`);
  if (process.getuid?.() === 0) t.diagnostic('skipped for a file without rights: root may read everything');
  else assert.equal(read('closed.conf'), `Failed to open some config files: ${join(folder, 'closed.conf')}`);
});

test('bytes that are no UTF-8 are told with their line, a byte order mark is passed over [C-007]', (t) => {
  const latin = Buffer.from('[DEFAULT]\r\nhost = a\rx = caf\xe9\n', 'latin1');
  const folder = aFolder(t, { 'latin.conf': latin, 'marked.conf': `\ufeff${one}` });
  const path = join(folder, 'latin.conf');

  assert.equal(
    refused(() => readSources(aRequest(folder, { items: [{ kind: 'file', path }] }))).message,
    `Failed to parse ${path}: at ${path}:3, invalid UTF-8`,
  );
  const marked = readSources(aRequest(folder, { items: [{ kind: 'file', path: 'marked.conf' }] }));
  assert.equal(marked.files[0]?.sections[0]?.name, 'DEFAULT');
});

test('sources are plain data and survive the way to another process [C-031]', (t) => {
  const folder = aFolder(t, { 'cinder.conf': '[__proto__]\n1 = a\n__proto__ = b\n[DEFAULT]\nhost = "é"\n' });
  const environment = { OS_DEFAULT__HOST: 'x', OS_AUTH_URL: 'not an option', PATH: '/bin', OS_A__B: undefined };
  const items = [{ kind: 'value', option: 'debug', text: 'true', spelled: '--debug' } as const];

  const sources = readSources(aRequest(folder, { environment, items, args: ['--debug'] }));

  assert.deepEqual(JSON.parse(JSON.stringify(sources)), sources);
  assert.deepEqual(sources.environment, { OS_DEFAULT__HOST: 'x' });
});

test('a second reading sees the same files, changed ones and new ones of a folder, and no others [C-008, L-161]', (t) => {
  const folder = aFolder(t, { 'cinder.conf': one, 'cinder.conf.d/b.conf': one });
  const first = readSources(aRequest(folder, { items: [{ kind: 'value', option: 'x', text: '1', spelled: '--x' }] }));
  writeFileSync(join(folder, 'cinder.conf'), '[DEFAULT]\nhost = changed\n');
  writeFileSync(join(folder, 'cinder.conf.d/a.conf'), one);
  writeFileSync(join(folder, 'cinder-volume.conf'), one);

  const second = rereadSources(first);

  assert.deepEqual(names(folder, second), ['cinder.conf', 'cinder.conf.d/a.conf', 'cinder.conf.d/b.conf']);
  assert.equal(second.files[0]?.sections[0]?.keys[0]?.assignments[0]?.text, 'changed');
  assert.deepEqual([first.commandLine[0]?.after, second.commandLine[0]?.after], [2, 3]);
});

test('a second reading of files that vanished or broke is refused and leaves the first as it was [C-008, L-166]', (t) => {
  const folder = aFolder(t, { 'cinder.conf': one });
  const first = readSources(aRequest(folder));
  const before = structuredClone(first);
  writeFileSync(join(folder, 'cinder.conf'), 'broken');
  const broken = refused(() => rereadSources(first));
  rmSync(join(folder, 'cinder.conf'));
  const missing = refused(() => rereadSources(first));

  assert.match(broken.message, /Section must be|No ':' or '='/);
  assert.equal(missing.message, `Failed to find some config files: ${join(folder, 'cinder.conf')}`);
  assert.deepEqual(first, before);
});

function read(folder: string, items: readonly CommandLineItem[]): string[] {
  return names(folder, readSources(aRequest(folder, { items })));
}

function names(folder: string, { files }: Sources): string[] {
  return files.map(({ path }) => path.slice(folder.length + 1));
}

function refused(act: () => unknown): ConfigurationError {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof ConfigurationError, String(error));
    return error;
  }
  assert.fail('nothing was refused');
}
