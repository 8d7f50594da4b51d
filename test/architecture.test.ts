import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { repository } from './support/repository.ts';

/** The floors of the house, the ground last. A room stands on one; an import goes to a lower floor or stays in its room. */
const floors: readonly (readonly string[])[] = [
  ['entry'],
  ['supervisor'],
  ['service', 'cli'],
  ['volume'],
  [
    'messaging',
    'db',
    'drivers',
    'targets',
    'image',
    'openstack',
    'broker',
    'exec',
    'config',
    'coordination',
    'log',
    'launcher',
    'admin',
  ],
  ['interface'],
  ['objects'],
  ['base'],
];

/** Files that are a program's beginning, and so may know the process; they stand in `src` itself. */
const entries = [
  'main.ts',
  'serve.ts',
  'commands.ts',
  'worker.ts',
  'worker-role.ts',
  'volume-role.ts',
  'broker-role.ts',
  'bundle.ts',
  'start-main.ts',
  'start-worker.ts',
  'write-cache.ts',
];

/** Below these floors no room knows another of its own floor, nor the operations. */
const adapters = floors[4] ?? [];

/** Narrower than the floors: what a room may import besides its own files. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  volume: ['interface', 'objects', 'base'],
  cli: [...adapters, 'interface', 'objects', 'base'],
  supervisor: ['service', ...adapters, 'interface', 'objects', 'base'],
};

/** Packages and modules of Node that one place alone may know. */
const reserved: Readonly<Record<string, readonly string[]>> = {
  rhea: ['messaging/amqp1.ts', 'messaging/amqp1-links.ts', 'broker'],
  yargs: ['cli/arguments.ts'],
  winston: ['log/oslo-log.ts'],
  ini: ['config/ini.ts'],
  kysely: ['db'],
  '@photostructure/sqlite': ['db/sqlite.ts', 'coordination/file-lock.ts'],
  mysql2: ['db/mariadb.ts'],
  pg: ['db/postgres.ts'],
  'cli-table3': ['cli/print.ts'],
  'prom-client': ['admin'],
  yaml: ['messaging/notification-routes.ts'],
  'node:child_process': ['exec/run.ts'],
  'node:cluster': ['worker.ts', 'launcher'],
  'node:http': ['admin', 'openstack/http.ts'],
  'node:https': ['openstack/http.ts'],
};

const source = join(repository, 'src');

function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? files(path) : path.endsWith('.ts') ? [path] : [];
  });
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '');
}

function roomOf(file: string): string {
  const [first = ''] = relative(source, file).split('/');
  return entries.includes(first) ? 'entry' : first;
}

function floorOf(room: string): number {
  return floors.findIndex((rooms) => rooms.includes(room));
}

test('every import points down, or at a neighbour in the same room', () => {
  const wrong: string[] = [];

  for (const file of files(source)) {
    const room = roomOf(file);
    if (floorOf(room) < 0) wrong.push(`${relative(source, file)} stands in no room of the picture`);
    for (const specifier of importsOf(file).filter((name) => name.startsWith('.'))) {
      const target = roomOf(join(dirname(file), specifier));
      const down = floorOf(target) > floorOf(room) && (allowed[room]?.includes(target) ?? true);
      if (target !== room && !down) wrong.push(`${relative(source, file)} -> ${specifier}`);
    }
  }

  assert.deepEqual(wrong, []);
});

test('each package is imported by the one place that knows it, and nothing but Glance, Nova and the daemon itself is asked by HTTP [M-02, M-04]', () => {
  const wrong: string[] = [];

  for (const file of files(source)) {
    const path = relative(source, file);
    for (const specifier of importsOf(file)) {
      const places = reserved[specifier];
      if (places !== undefined && !places.some((place) => path === place || path.startsWith(`${place}/`))) {
        wrong.push(`${path} -> ${specifier}`);
      }
      if (places === undefined && !specifier.startsWith('.') && !specifier.startsWith('node:')) {
        wrong.push(`${path} -> ${specifier}, which has no row in this test`);
      }
    }
  }

  assert.deepEqual(wrong, []);
});

test('only the entry points touch the process: signals, exit, environment', () => {
  const wrong = files(source)
    .filter((file) => roomOf(file) !== 'entry')
    .filter((file) => /\bprocess\.(on|once|exit|exitCode|env|abort)\b/.test(readFileSync(file, 'utf8')))
    .map((file) => relative(source, file));

  assert.deepEqual(wrong, []);
});

test('what reads files, words and the wire is pinned to one version, and has no wrapper [M-05, C-092]', () => {
  const text = readFileSync(join(repository, 'package.json'), 'utf8');
  const { dependencies } = JSON.parse(text) as { dependencies: Readonly<Record<string, string>> };
  const { rhea = '', ini = '', yargs = '' } = dependencies;
  const installed = (name: string): string =>
    (JSON.parse(readFileSync(join(repository, 'node_modules', name, 'package.json'), 'utf8')) as { version: string })
      .version;

  assert.match(rhea, /^\d+\.\d+\.\d+$/);
  assert.ok(rhea.localeCompare('3.0.4', 'en', { numeric: true }) >= 0, rhea);
  assert.match(ini, /^6\.0\.\d+$/);
  assert.match(yargs, /^18\.\d+\.\d+$/);
  assert.deepEqual([installed('rhea'), installed('ini'), installed('yargs')], [rhea, ini, yargs]);
  assert.equal(dependencies['rhea-promise'], undefined);
});

test('every driver is held to the suite of all drivers [S-02]', () => {
  const read = (file: string): string => readFileSync(file, 'utf8');
  /** A test that calls the suite, with the files of test/support that it imports. */
  const suites = files(join(repository, 'test')).flatMap((file) => {
    const text = read(file);
    if (!/^ *volumeDriverConformance\(/m.test(text)) return [];
    const support = importsOf(file).filter((name) => name.includes('/support/'));
    return [[text, ...support.map((name) => read(join(dirname(file), name)))].join('\n')];
  });
  const drivers = readdirSync(join(source, 'drivers')).filter((name) =>
    /^export default /m.test(read(join(source, 'drivers', name))),
  );

  const without = drivers.filter((name) => !suites.some((text) => text.includes(`src/drivers/${name}'`)));

  assert.ok(drivers.length >= 3);
  assert.deepEqual(without, []);
});

test('no time limit is one that Node 20 collects as garbage', () => {
  const wrong = files(source)
    .filter((file) => /AbortSignal\.any\([^;]*AbortSignal\.timeout/.test(readFileSync(file, 'utf8')))
    .map((file) => relative(source, file));

  assert.deepEqual(wrong, []);
});
