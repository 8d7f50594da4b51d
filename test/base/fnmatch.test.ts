import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fnmatch } from '../../src/base/fnmatch.ts';

test('patterns fit what they fit in Python’s fnmatch [L-094]', () => {
  const cases: [string, string, boolean][] = [
    ['volume.*', 'volume.create.end', true],
    ['volume.*', 'volumeXcreate', false],
    ['volume', 'volume.create', false],
    ['*', '', true],
    ['*', 'two\nlines', true],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['?', '\u{1F5C4}', true],
    ['[ab]x', 'bx', true],
    ['[!ab]x', 'bx', false],
    ['[!ab]x', 'cx', true],
    ['[a-c]', 'b', true],
    ['[]]', ']', true],
    ['[!]]', 'a', true],
    ['[^a]', 'a', true],
    ['[^a]', 'b', false],
    ['[\\]', '\\', true],
    ['[a', '[a', true],
    ['[]', '[]', true],
    ['a+b$', 'a+b$', true],
    ['Volume', 'volume', false],
  ];

  for (const [pattern, text, fits] of cases) {
    assert.equal(fnmatch(pattern).test(text), fits, `${JSON.stringify(pattern)} and ${JSON.stringify(text)}`);
  }
});
