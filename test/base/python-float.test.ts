import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Float } from '../../src/base/python-float.ts';
import { repr, str } from '../../src/base/python-text.ts';

test('a float keeps its point and changes to powers of ten where Python does [L-144]', () => {
  const cases: [number, string][] = [
    [20, '20.0'],
    [0.5, '0.5'],
    [-0, '-0.0'],
    [1e15, '1000000000000000.0'],
    [1e16, '1e+16'],
    [0.0001, '0.0001'],
    [0.00012345, '0.00012345'],
    [-0.00001, '-1e-05'],
    [5e-324, '5e-324'],
    [Number.NaN, 'nan'],
    [Number.NEGATIVE_INFINITY, '-inf'],
  ];

  for (const [value, expected] of cases) assert.equal(str(new Float(value)), expected);
});

test('it stands among other values as Python prints them [L-144]', () => {
  assert.equal(repr([new Float(1), 1, { a: new Float(0.5) }]), "[1.0, 1, {'a': 0.5}]");
});
