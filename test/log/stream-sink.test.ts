import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { startProgram } from '../support/test-program.ts';

test('a reader that has stopped holds the daemon up once, and what is lost is counted [G-006]', async (t) => {
  const { child, ended, printed } = startProgram(t, 'log/programs/blocked');
  child.stdout.pause();
  await eventually('it has logged everything', () => printed.stderr === 'survived\n');

  child.stdout.resume();
  let seen = 0;
  await eventually('the pipe is empty', () => {
    const before = seen;
    seen = printed.stdout.length;
    return seen > 0 && seen === before;
  });
  child.stdin.write('go\n');
  assert.deepEqual(await ended, { code: 0, signal: null });

  const lines = printed.stdout.split('\n');
  const [lost] = printed.stdout.match(/^volume-daemon: \d+ records were lost while this output was blocked$/m) ?? [];
  const whole = lines.filter((line) => /\[-\] line \d+ x{500}$/.test(line)).length;
  assert.equal(whole + Number(lost?.match(/\d+/)?.[0]), 3000);
  assert.match(printed.stdout, / \[-\] after\n$/);
});
