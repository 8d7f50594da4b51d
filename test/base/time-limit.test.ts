import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { within } from '../../src/base/time-limit.ts';

test('the time ends a wait that holds nothing but the signal, whatever is collected meanwhile [L-129]', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const timer = setInterval(collect, 20);

  const signal = within(new AbortController().signal, 200);
  await once(signal, 'abort', { signal: AbortSignal.timeout(60_000) });
  clearInterval(timer);

  assert.equal((signal.reason as Error).name, 'TimeoutError');
});

test('what aborts before is passed on with its reason, and one that has aborted aborts at once', async () => {
  const outer = new AbortController();
  const signal = within(outer.signal, 60_000);
  assert.equal(signal.aborted, false);

  outer.abort(new Error('enough'));

  assert.equal((signal.reason as Error).message, 'enough');
  assert.equal((within(outer.signal, 60_000).reason as Error).message, 'enough');
});

test('many limits on one signal are no leak that Node warns of', async (t) => {
  const warnings: Error[] = [];
  const hear = (warning: Error): void => void warnings.push(warning);
  process.on('warning', hear);
  t.after(() => process.off('warning', hear));
  const outer = new AbortController();

  for (let at = 0; at < 20; at++) within(outer.signal, 60_000);
  await new Promise((resolve) => setImmediate(resolve));
  outer.abort();

  assert.deepEqual(warnings, []);
});
