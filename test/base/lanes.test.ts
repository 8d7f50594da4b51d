import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import { inLanes } from '../../src/base/lanes.ts';

test('does so many at a time, each once, and begins no more when it is told to stop', async () => {
  const stop = new AbortController();
  const begun: number[] = [];
  let most = 0;
  let running = 0;

  await inLanes(3, [1, 2, 3, 4, 5, 6, 7, 8], stop.signal, async (thing) => {
    begun.push(thing);
    most = Math.max(most, ++running);
    await tick();
    running -= 1;
    if (thing === 5) stop.abort();
  });

  assert.equal(most, 3);
  assert.deepEqual(begun.slice(0, 5), [1, 2, 3, 4, 5]);
  assert.ok(!begun.includes(8));
});
