import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Float, pythonRepr, pythonStr } from '../../src/base/python.ts';

test('spells values as Python prints them [L-144]', () => {
  const cases: [unknown, string][] = [
    [undefined, 'None'],
    [null, 'None'],
    [true, 'True'],
    [false, 'False'],
    [42, '42'],
    [-7, '-7'],
    ['a b', 'a b'],
    ['', ''],
    [['a', 'b'], "['a', 'b']"],
    [[], '[]'],
    [{ k: 'v', n: [1, null] }, "{'k': 'v', 'n': [1, None]}"],
    [{}, '{}'],
  ];

  for (const [value, expected] of cases) assert.equal(pythonStr(value), expected);
});

test('quotes texts and escapes what does not print, as repr [config 3.1]', () => {
  const cases: [string, string][] = [
    ['host', "'host'"],
    ["it's", '"it\'s"'],
    [`a'b"c`, `'a\\'b"c'`],
    ['a\\b\tc\n', "'a\\\\b\\tc\\n'"],
    ['\ufeff[DEFAULT]', "'\\ufeff[DEFAULT]'"],
    ['\x1b[1m\x7f\xa0é中', "'\\x1b[1m\\x7f\\xa0é中'"],
    ['\u{e0001}😀', "'\\U000e0001😀'"],
  ];

  for (const [text, expected] of cases) assert.equal(pythonRepr(text), expected);
});

test('a float keeps its point and changes to powers of ten where Python does [L-144]', () => {
  const cases: [number, string][] = [
    [20, '20.0'],
    [0.5, '0.5'],
    [-0, '-0.0'],
    [1e15, '1000000000000000.0'],
    [1e16, '1e+16'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [5e-324, '5e-324'],
    [Number.NaN, 'nan'],
    [Number.NEGATIVE_INFINITY, '-inf'],
  ];

  for (const [value, expected] of cases) assert.equal(pythonStr(new Float(value)), expected);
  assert.equal(pythonStr(0.5), '0.5');
});
