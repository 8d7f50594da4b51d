import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePythonLiteral } from '../../src/log/python-literal.ts';

test('literals, names, tuples, lists and dictionaries are read [G-007]', () => {
  const read: readonly (readonly [string, unknown])[] = [
    ['()', []],
    ['(sys.stderr,)', [{ name: 'sys.stderr' }]],
    ["('/var/log/a.log', 'a', 10485760, 5)", ['/var/log/a.log', 'a', 10485760, 5]],
    ["('/dev/log', handlers.SysLogHandler.LOG_LOCAL0)", ['/dev/log', { name: 'handlers.SysLogHandler.LOG_LOCAL0' }]],
    ["(('localhost', 514),)", [['localhost', 514]]],
    ["('one')", 'one'],
    ["('it\\'s', \"a\\tb\", r'c\\d', u'e')", ["it's", 'a\tb', 'c\\d', 'e']],
    ['(None, True, False, -1.5)', [null, true, false, -1.5]],
    ['[1, [2]]', [1, [2]]],
    [
      "{'facility': 'user', 'n': 1,}",
      new Map<unknown, unknown>([
        ['facility', 'user'],
        ['n', 1],
      ]),
    ],
  ];

  for (const [text, value] of read) assert.deepEqual(parsePythonLiteral(text), value, text);
});

test('anything else is not [G-007]', () => {
  for (const text of ["(os.path.join('a', 'b'),)", '(1', '1 + 2', "('a' 'b')", '{1}', '(,)', "('a", '', '(1,,2)']) {
    assert.equal(parsePythonLiteral(text), undefined, text);
  }
});
