import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { abortable } from '../../src/base/abortable.ts';

test('an abort ends the wait with its own reason, at once or before it began', async () => {
  const abort = new AbortController();
  const reason = new Error('enough');
  const waiting = abortable(new Promise(() => {}), abort.signal);

  abort.abort(reason);

  await assert.rejects(waiting, reason);
  await assert.rejects(abortable(Promise.resolve(1), abort.signal), reason);
});

test('without an abort the promise is all there is, and no listener stays behind', async () => {
  const { signal } = new AbortController();

  assert.equal(await abortable(Promise.resolve(1), signal), 1);
  await assert.rejects(abortable(Promise.reject(new Error('own')), signal), /own/);
  await Promise.resolve();
  assert.equal(await abortable(Promise.resolve(2), undefined), 2);
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});
