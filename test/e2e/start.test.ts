import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aRunningDaemon } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';

test('starts, does the main job, and stops without a word of warning [L-170, L-174]', async (t) => {
  const daemon = await aRunningDaemon(t);

  const made = await daemon.ask('volume', 'create', '--size', '1', '--wait', 'demo');
  await daemon.does('volume', 'delete', '--wait', 'demo');
  const ended = await daemon.stop();

  assert.equal(made['status'], 'available');
  assert.deepEqual(ended, { code: 0, signal: null });
  assert.deepEqual(daemon.logged(/ (WARNING|ERROR|CRITICAL) /), []);
  await eventually('no process is left', () => daemon.processes().length === 0);
});
