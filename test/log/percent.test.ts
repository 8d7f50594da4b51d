import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileTemplate } from '../../src/log/percent.ts';

const inserted: readonly (readonly [string, readonly unknown[], string])[] = [
  ['Starting %d workers', [1], 'Starting 1 workers'],
  ['%s is %s', ['a', null], 'a is None'],
  ['%r and %r', ['text', ["it's"]], `'text' and ["it's"]`],
  ['%-30s = %s', ['host', 'labhost'], 'host                           = labhost'],
  ['%5s|%-5s|%.2s', ['a', 'b', 'cde'], '    a|b    |cd'],
  ['%d %d %d', [3.9, -3.9, true], '3 -3 1'],
  ['%d', [12345678901234567890n], '12345678901234567890'],
  ['%03d|%3d|%-3d|%+d|% d', [7, 7, 7, 7, 7], '007|  7|7  |+7| 7'],
  ['%05d|%.3d', [-42, -7], '-0042|-007'],
  ['%x %X %o', [255, 255, 8], 'ff FF 10'],
  ['%.2f %0.3f %f', [1.005, 2, 0.5], '1.00 2.000 0.500000'],
  ['%08.2f', [-2.5], '-0002.50'],
  ['%e %.1E', [12345.678, 0.00012], '1.234568e+04 1.2E-04'],
  ['%g %g %g %g', [100000, 1000000, 0.0001, 0.00001], '100000 1e+06 0.0001 1e-05'],
  ['%c%c', [65, 'B'], 'AB'],
  ['%*d|%-*d|%.*f', [4, 1, 4, 1, 1, 2.55], '   1|1   |2.5'],
  ['100%% of %s', ['it'], '100% of it'],
  ['%(id)s is %(status)s', [{ id: 'v', status: 'error' }], 'v is error'],
  ['%f %f', [Number.NaN, Number.POSITIVE_INFINITY], 'nan inf'],
];

test('values are inserted as by Python [G-084, L-142, L-144]', () => {
  for (const [template, values, expected] of inserted) assert.equal(compileTemplate(template)(values), expected);
});

const refused: readonly (readonly [string, readonly unknown[], RegExp])[] = [
  ['%s %s', ['a'], /^TypeError: not enough arguments for format string$/],
  ['%s', ['a', 'b'], /^TypeError: not all arguments converted during string formatting$/],
  ['%d', ['5'], /^TypeError: %d format: a number is required, not 5$/],
  ['%.1f', [null], /^TypeError: %f format: a number is required, not None$/],
  ['%d', [Number.NaN], /^ValueError: cannot convert float nan to integer$/],
  ['%(a)s', ['a'], /^TypeError: format requires a mapping$/],
  ['%(a)s', [{ b: 1 }], /^ValueError: no value for %\(a\)s$/],
  ['50%! off', [1], /^ValueError: unsupported format character '!' at index 3$/],
  ['%', [1], /^ValueError: incomplete format$/],
];

test('what does not fit is refused in the words of Python', () => {
  for (const [template, values, expected] of refused) {
    assert.throws(
      () => compileTemplate(template)(values),
      (error) => expected.test(String(error)),
      template,
    );
  }
});
