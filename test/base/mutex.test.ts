import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KeyedMutex } from '../../src/base/mutex.ts';

test('holders of a key take turns in order, other keys do not wait', async () => {
  const mutex = new KeyedMutex();
  const seen: string[] = [];
  const body = (name: string, until: Promise<unknown>) => async (): Promise<void> => {
    seen.push(`${name} in`);
    await until;
    seen.push(`${name} out`);
  };
  let otherIsOut = (): void => {};
  const afterOther = new Promise<void>((resolve) => {
    otherIsOut = resolve;
  });

  await Promise.all([
    mutex.withLock('a', body('first', afterOther)),
    mutex.withLock('a', body('second', sleep(0))),
    mutex.withLock('b', body('other', sleep(0))).then(otherIsOut),
  ]);

  assert.deepEqual(
    seen.filter((line) => !line.startsWith('other')),
    ['first in', 'first out', 'second in', 'second out'],
  );
  assert.ok(seen.indexOf('other out') < seen.indexOf('first out'));
  assert.equal(mutex.size, 0);
});

test('an abort gives up the place in the queue and hands the lock on', async () => {
  const mutex = new KeyedMutex();
  const stop = new AbortController();
  let ran = false;
  const first = mutex.withLock('a', () => sleep(20));
  const second = mutex.withLock('a', async () => assert.fail('must not run'), stop.signal);
  const third = mutex.withLock('a', async () => {
    ran = true;
  });

  stop.abort();

  await assert.rejects(second, { name: 'AbortError' });
  await Promise.all([first, third]);
  assert.ok(ran);
});

test('a failing body releases the lock', async () => {
  const mutex = new KeyedMutex();

  await assert.rejects(
    mutex.withLock('a', async () => {
      throw new Error('broken');
    }),
  );

  assert.equal(await mutex.withLock('a', async () => 'next'), 'next');
});
