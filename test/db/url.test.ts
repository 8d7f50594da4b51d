import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDatabaseUrl } from '../../src/db/url.ts';
import { DatabaseError } from '../../src/interface/database.ts';

/** Each as SQLAlchemy 1.4 takes it apart. */
const cases: readonly (readonly [string, Record<string, unknown>])[] = [
  ['sqlite://', { backend: 'sqlite', database: '' }],
  ['sqlite:///', { backend: 'sqlite', database: '' }],
  ['sqlite:///:memory:', { backend: 'sqlite', database: ':memory:' }],
  ['sqlite:///relative/cinder.sqlite', { backend: 'sqlite', database: 'relative/cinder.sqlite' }],
  ['sqlite:////var/lib/cinder.sqlite', { backend: 'sqlite', database: '/var/lib/cinder.sqlite' }],
  ['sqlite:////a/my%20file#1.db', { backend: 'sqlite', database: '/a/my%20file#1.db' }],
  ['SQLITE+pysqlite:////a/b', { backend: 'sqlite', database: '/a/b' }],
  ['sqlite:////a/b?timeout=30&x=%20y', { database: '/a/b', query: { timeout: '30', x: ' y' } }],
  [
    'mysql+pymysql://cinder:p%40w%3A@db:3306/cinder?charset=utf8',
    { backend: 'mysql', username: 'cinder', password: 'p@w:', host: 'db', port: 3306, database: 'cinder' },
  ],
  ['mysql+pymysql://u:p@[::1]:33/db', { host: '::1', port: 33, username: 'u', password: 'p', database: 'db' }],
  ['postgresql://u@h/db', { backend: 'postgresql', username: 'u', host: 'h', database: 'db' }],
];

for (const [url, expected] of cases) {
  test(`takes ${url} apart as SQLAlchemy does [config 12.3]`, () => {
    const { query, ...parts } = parseDatabaseUrl(url);
    const found: Record<string, unknown> = { ...parts, query: Object.fromEntries(query) };

    for (const [part, value] of Object.entries(expected)) assert.deepEqual(found[part], value, part);
  });
}

test('connection_parameters come to the query of the URL [config 12.3]', () => {
  const { query } = parseDatabaseUrl('sqlite:////a/b?timeout=1&x=1', 'timeout=7&y=2');

  assert.deepEqual(Object.fromEntries(query), { timeout: '7', x: '1', y: '2' });
});

test('a URL is shown without its password, whatever characters that has [config 12.3, ecosystem 3.3]', () => {
  const shown = [
    'mysql+pymysql://cinder:secret@10.0.0.5/cinder',
    'mysql://u:sec@ret/x:secret@h/db',
    'postgresql://h/db?password=secret&x=1',
  ].map((url) => parseDatabaseUrl(url).masked);

  assert.deepEqual(shown, [
    'mysql+pymysql://cinder:***@10.0.0.5/cinder',
    'mysql://u:***@h/db',
    'postgresql://h/db?password=***&x=1',
  ]);
});

test('what is no URL is refused without showing its password [config 12.3]', () => {
  for (const text of ['sqlite:/x', 'cinder.sqlite', 'mysql:cinder:secret@host', '://u:secret@h/db']) {
    assert.throws(
      () => parseDatabaseUrl(text),
      (error) => error instanceof DatabaseError && error.kind === 'refused' && !error.message.includes('secret'),
      text,
    );
  }
});
