import assert from 'node:assert/strict';
import { test } from 'node:test';
import { repr, str } from '../../src/base/python-text.ts';

const spelled: readonly (readonly [unknown, string])[] = [
  [null, 'None'],
  [undefined, 'None'],
  [true, 'True'],
  [false, 'False'],
  [10, '10'],
  [-1.5, '-1.5'],
  [1e-7, '1e-07'],
  [Number.NaN, 'nan'],
  [Number.NEGATIVE_INFINITY, '-inf'],
  [12345678901234567890n, '12345678901234567890'],
  [[], '[]'],
  [['a', 1, null], "['a', 1, None]"],
  [{}, '{}'],
  [{ k: 'v', n: { deep: true } }, "{'k': 'v', 'n': {'deep': True}}"],
  [new Map([['k', [1]]]), "{'k': [1]}"],
  [new Set(['a']), "{'a'}"],
  [new Set(), 'set()'],
  [new Date(0), '1970-01-01T00:00:00.000Z'],
  [new URL('http://h/p'), 'http://h/p'],
  [Buffer.from([0x61, 0x00, 0xff, 0x27, 0x0a]), "b'a\\x00\\xff\\'\\n'"],
  [new RangeError('too far'), "RangeError('too far')"],
  [Object.create(null), '{}'],
];

test('repr spells every kind of value as Python does [L-144]', () => {
  for (const [value, expected] of spelled) assert.equal(repr(value), expected);
});

test('repr quotes and escapes text as Python does', () => {
  assert.equal(repr('plain'), "'plain'");
  assert.equal(repr("it's"), `"it's"`);
  assert.equal(repr(`it's "both"`), `'it\\'s "both"'`);
  assert.equal(repr('tab\tline\nback\\slash'), "'tab\\tline\\nback\\\\slash'");
  assert.equal(repr('\x1b[31m\u200b\u{e0001}é'), "'\\x1b[31m\\u200b\\U000e0001é'");
});

test('str leaves text alone and gives the message of an error', () => {
  assert.equal(str("it's"), "it's");
  assert.equal(str(''), '');
  assert.equal(str(new Error('no space')), 'no space');
  assert.equal(str(['a']), "['a']");
});

test('what contains itself ends in dots', () => {
  const list: unknown[] = [1];
  list.push(list);
  const record: Record<string, unknown> = {};
  record['self'] = record;

  assert.equal(repr(list), '[1, [...]]');
  assert.equal(repr(record), "{'self': {...}}");
});
