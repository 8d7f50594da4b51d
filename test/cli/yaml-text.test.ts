import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Float } from '../../src/base/python-float.ts';
import type { Cell } from '../../src/cli/cells.ts';
import { yamlText } from '../../src/cli/yaml-text.ts';

// What PyYAML 6.0 writes for the same values.
test('quotes what would be read back as something else [ecosystem 3.2]', () => {
  const cases: [Cell, string][] = [
    ['plain text', 'plain text'],
    ['', "''"],
    ['true', "'true'"],
    ['No', "'No'"],
    ['n', 'n'],
    ['null', "'null'"],
    ['12', "'12'"],
    ['1_000', "'1_000'"],
    ['1.5', "'1.5'"],
    ['1e3', '1e3'],
    ['0o7', '0o7'],
    ['12:30', "'12:30'"],
    ['2026-11-23', "'2026-11-23'"],
    ['2026-11-23T20:43:00.000000', "'2026-11-23T20:43:00.000000'"],
    ['a: b', "'a: b'"],
    ['a:b', 'a:b'],
    ['a #b', "'a #b'"],
    ['- x', "'- x'"],
    ['-x', '-x'],
    ["it's", "it's"],
    ["'it's'", "'''it''s'''"],
    [' lead', "' lead'"],
    ['é', '"\\xE9"'],
    ['a\tb\\', '"a\\tb\\\\"'],
    ['two\nlines', "'two\n\n    lines'"],
    ['end \nx', '"end \\nx"'],
    [null, 'null'],
    [true, 'true'],
    [7, '7'],
    [new Float(20), '20.0'],
    [new Float(1e16), '1.0e+16'],
    [new Float(Number.NaN), '.nan'],
    [[], '[]'],
    [{}, '{}'],
  ];

  for (const [value, expected] of cases) assert.equal(yamlText([{ k: value }]), `- k: ${expected}\n`);
});

test('nests lists and mappings, keys sorted [ecosystem 3.2]', () => {
  assert.equal(
    yamlText([{ b: [1, [2, { c: null }]], a: { d: 'x', '': 1 } }, []]),
    "- a:\n    ? ''\n    : 1\n    d: x\n  b:\n  - 1\n  - - 2\n    - c: null\n- []\n",
  );
});

test('folds long texts where PyYAML folds them [ecosystem 3.2]', () => {
  const word = 'word '.repeat(20).trim();

  assert.equal(yamlText({ k: word }), `k: ${'word '.repeat(16).trim()}\n  word word word word\n`);
  assert.equal(yamlText({ k: `${word} é` }), `k: "${'word '.repeat(15)}word\\\n  \\ word word word word \\xE9"\n`);
  // Behind an escape one more column is allowed than elsewhere.
  const long = 'x'.repeat(73);
  assert.equal(yamlText({ k: `${long}ééyz` }), `k: "${long}\\xE9\\xE9\\\n  yz"\n`);
});
