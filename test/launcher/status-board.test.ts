import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobState } from '../../src/launcher/launcher.ts';
import { StatusBoard } from '../../src/launcher/status-board.ts';

function job(pid: number | undefined, since: number): JobState {
  return { name: 'lvm', label: 'node@lvm', pid, since, restarts: 0, reasons: {}, infrastructure: false };
}

test('a backend that waits for its next worker is not silent, and neither is a worker that was just started [L-203, L-210]', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
  const clock = t.mock.method(performance, 'now', () => Date.now());
  const board = new StatusBoard();
  board.add('lvm', 'node@lvm');
  const begun = Date.now();
  const responding = (state: JobState) => board.backends([state], () => null)[0]?.responding;

  t.mock.timers.tick(40_000);

  assert.deepEqual([responding(job(7, begun)), board.longestSilence([job(7, begun)])], [false, 40_000]);
  assert.deepEqual([responding(job(undefined, begun)), board.longestSilence([job(undefined, begun)])], [true, 0]);
  assert.deepEqual(
    [responding(job(8, Date.now() - 2_000)), board.longestSilence([job(8, Date.now() - 2_000)])],
    [true, 2_000],
  );
  clock.mock.restore();
});
