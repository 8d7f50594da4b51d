import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WrongType } from '../../src/base/errors.ts';
import { errorText } from '../../src/log/error-text.ts';
import { VolumeIsBusy } from '../../src/objects/exceptions.ts';

class Unnamed extends Error {}

test('the summary has the class as Python prints it, and the text [G-016]', () => {
  const summaries: readonly (readonly [unknown, string])[] = [
    [new VolumeIsBusy({ volume_name: 'v' }), 'cinder.exception.VolumeIsBusy: deleting volume v that has snapshot'],
    [new WrongType('bad'), 'TypeError: bad'],
    [new RangeError('far'), 'RangeError: far'],
    [new Unnamed('x'), 'Unnamed: x'],
    [new Error(''), 'Error'],
    ['a text', 'a text'],
    [null, 'None'],
    [new Error('login with password=hunter2'), 'Error: login with password=***'],
  ];

  for (const [error, summary] of summaries) assert.equal(errorText(error).summary, summary);
});

test('the stack goes on with causes and with the parts of several errors [G-017]', () => {
  const cause = withFrames(new TypeError('inner'), 'innermost');
  const error = withFrames(new Unnamed('outer\nsecond line', { cause }), 'outermost');
  const both = withFrames(new AggregateError([withFrames(new Error('one'), 'first'), 'two'], 'both'), 'top');

  assert.deepEqual(errorText(error).lines, [
    'Unnamed: outer',
    'second line',
    '    at outermost (x.js:1:1)',
    'Caused by: TypeError: inner',
    '    at innermost (x.js:1:1)',
  ]);
  assert.deepEqual(errorText(both).lines, [
    'AggregateError: both',
    '    at top (x.js:1:1)',
    '[1 of 2] Error: one',
    '    at first (x.js:1:1)',
    '[2 of 2] two',
  ]);
});

test('an error that is its own cause, or cannot be printed, is no trouble', () => {
  const error = new Error('round');
  error.cause = error;
  const evil = new Proxy(new Error('x'), {
    get() {
      throw new Error('no');
    },
  });

  assert.equal(errorText(error).lines.filter((line) => line.includes('round')).length, 2);
  assert.equal(errorText(evil).summary, 'an error that cannot be printed');
});

function withFrames<E extends Error>(error: E, name: string): E {
  error.stack = `Error: whatever\n    at ${name} (x.js:1:1)`;
  return error;
}
