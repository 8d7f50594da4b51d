import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { aRunningDaemon, fakeBackend } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { aFolder } from '../support/folder.ts';

test('what is left at the deadline is killed, with a line and status 1 [A7, L-173, O-02]', async (t) => {
  const daemon = await aRunningDaemon(t, {
    backends: { stuck: fakeBackend(), fine: fakeBackend() },
    defaults: { graceful_shutdown_timeout: 2 },
  });
  const stuck = await daemon.worker('stuck');
  process.kill(stuck, 'SIGSTOP');

  const begun = performance.now();
  const ended = await daemon.stop();
  const took = performance.now() - begun;
  await daemon.gone(2000);

  assert.deepEqual(ended, { code: 1, signal: null });
  assert.ok(took >= 1990 && took < 6000, `${took} ms`);
  const line = / INFO oslo_service\.service .*\] Graceful shutdown timeout exceeded, instantaneous exiting$/;
  assert.equal(daemon.logged(line).length, 1);
  assert.equal(daemon.logged(new RegExp(`Child ${stuck} killed by signal 9 `)).length, 1);
});

test('a running operation is cut off at the deadline, and found by the next start [A7, L-173, O-22]', async (t) => {
  const journal = join(aFolder(t), 'journal');
  const slow = fakeBackend({ fake_delay: 'create_volume:60', fake_journal: journal });
  const daemon = await aRunningDaemon(t, { backends: { slow }, defaults: { graceful_shutdown_timeout: 1 } });
  await daemon.does('volume', 'create', '--size', '1', 'demo');
  await eventually('it is under way', () => readFileSync(journal, 'utf8').includes('create_volume'), 20_000);

  assert.deepEqual(await daemon.stop(), { code: 1, signal: null });
  await daemon.gone(2000);
  assert.deepEqual(daemon.rows('select status from volumes'), [{ status: 'creating' }]);
  await daemon.startUp();
  await daemon.logs(/ INFO cinder\.manager .*Cleaning Volume with id [0-9a-f-]{36} and status creating/);
});
