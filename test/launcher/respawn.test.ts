import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RespawnPlan } from '../../src/launcher/respawn.ts';

test('the first respawn is immediate, then waits double up to the limit [L-103]', () => {
  const plan = new RespawnPlan(5_000);

  const waits = [500, 500, 500, 500, 500, 500].map((lived) => plan.waitAfter(lived));

  assert.deepEqual(waits, [0, 1_000, 2_000, 4_000, 5_000, 5_000]);
});

test('a minute of life makes the waits begin anew [L-103]', () => {
  const plan = new RespawnPlan(60_000);
  plan.waitAfter(10);
  plan.waitAfter(10);

  assert.equal(plan.waitAfter(60_000), 0);
  assert.equal(plan.waitAfter(10), 1_000);
});
