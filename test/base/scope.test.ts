import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Scope } from '../../src/base/scope.ts';

test('close aborts tasks, waits for them, then undoes in reverse order', async () => {
  const seen: string[] = [];
  const scope = new Scope();
  scope.defer(() => seen.push('undo first'));
  scope.defer(() => seen.push('undo second'));
  scope.spawn(async (signal) => {
    await sleep(60_000, undefined, { signal }).catch(() => {});
    seen.push('task ended');
  });

  await scope.close();

  assert.deepEqual(seen, ['task ended', 'undo second', 'undo first']);
});

test('drain waits for tasks and aborts them when the time is over', async () => {
  const seen: string[] = [];
  const scope = new Scope();
  scope.spawn(async () => {
    await sleep(5);
    seen.push('quick');
  });
  scope.spawn(async (signal) => {
    await sleep(60_000, undefined, { signal }).catch(() => seen.push('cut off'));
  });

  await scope.drain(30);

  assert.deepEqual(seen, ['quick', 'cut off']);
});

test('closing twice undoes once, and a closed scope takes no task', async () => {
  let undone = 0;
  const scope = new Scope();
  scope.defer(() => undone++);

  await Promise.all([scope.close(), scope.close()]);

  assert.equal(undone, 1);
  assert.throws(() => scope.spawn(async () => {}));
});

test('the failure of a task reaches the report, an abort does not', async () => {
  const failures: unknown[] = [];
  const scope = new Scope((error) => failures.push(error));
  scope.spawn(async () => {
    throw new Error('broken');
  });
  scope.spawn(async (signal) => sleep(60_000, undefined, { signal }));

  await sleep(5);
  await scope.close();

  assert.deepEqual(failures.map(String), ['Error: broken']);
});

test('every undo runs, and their failures come together', async () => {
  const seen: string[] = [];
  const scope = new Scope();
  scope.defer(() => {
    throw new Error('one');
  });
  scope.defer(() => seen.push('ran'));
  scope.defer(() => {
    throw new Error('two');
  });

  await assert.rejects(scope.close(), AggregateError);

  assert.deepEqual(seen, ['ran']);
});
