import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { aDaemon, fakeBackend } from '../support/daemon.ts';
import { aFolder } from '../support/folder.ts';

const defaults = { host: 'labhost', report_interval: 1 };

/** The lines of a level and logger, without what stands before the text. */
const texts = (lines: readonly string[]): string[] => lines.map((line) => line.replace(/^.*?\] /, ''));

test('one bad backend of each kind leaves the others alone [A2, L-072, L-074, L-076, L-104, O-06, O-08]', async (t) => {
  const daemon = aDaemon(t, {
    backends: {
      good: fakeBackend(),
      nodriver: { volume_driver: 'cinder.volume.drivers.nosuch.Driver' },
      wrong: fakeBackend({ reserved_percentage: 'nonsense' }),
      knob: fakeBackend({ fake_setup_failures: 'nonsense' }),
    },
    defaults: { ...defaults, enabled_backends: 'nodriver, wrong, knob, ,mistyped, good, good' },
  });

  daemon.start();
  await daemon.hasStates({ nodriver: 'failed', wrong: 'failed', knob: 'failed', mistyped: 'failed', good: 'up' });
  await daemon.reportsAgain('good');

  const failed = texts(daemon.logged(/ ERROR cinder\.cmd\.volume .*failed to start\./));
  assert.deepEqual(failed.map((text) => text.replace(/: \w.*$/, '')).sort(), [
    'Volume service labhost@knob failed to start.',
    'Volume service labhost@mistyped failed to start.',
    'Volume service labhost@nodriver failed to start.',
    'Volume service labhost@wrong failed to start.',
  ]);
  assert.match(daemon.logText(), /no \[mistyped\] section in the configuration/);
  const twice = 'Backend good is listed more than once in enabled_backends, ignoring the duplicate';
  assert.deepEqual(texts(daemon.logged(/ WARNING .*listed more than once/)), [twice]);
  assert.deepEqual(daemon.rows('select host from services'), [{ host: 'labhost@good' }]);
  assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
});

test('a driver whose set-up fails leaves its service down and the other up [A2, L-072, L-121, L-126, O-14]', async (t) => {
  const daemon = aDaemon(t, {
    backends: { good: fakeBackend(), bad: fakeBackend({ fake_setup_failures: -1 }) },
    defaults,
  });

  daemon.start();
  await daemon.logs(
    / ERROR cinder\.service .*Manager for service cinder-volume labhost@bad is reporting problems, not/,
  );
  await daemon.reportsAgain('good');

  const { state, reason } = await daemon.backend('bad');
  assert.equal(state, 'down');
  assert.match(reason ?? '', /^driver not initialised: .*set-up \d+ fails/);
  assert.equal(daemon.reports('bad'), 0);
  assert.equal(daemon.logged(/ ERROR cinder\.volume\.manager .*\] Failed to initialize driver\.: /).length, 1);
  assert.equal(
    daemon.logged(/Cannot complete RPC initialization because driver isn't initialized properly\./).length,
    1,
  );
  assert.equal(daemon.logged(/labhost@bad is reporting problems/).length, 1);
  assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
});

test('storage that comes back later than upstream would wait for brings its service up, in the same process [L-077, L-121, O-07]', async (t) => {
  const daemon = aDaemon(t, { backends: { late: fakeBackend({ fake_setup_failures: 4 }) }, defaults });

  daemon.start();
  await daemon.logs(/ ERROR cinder\.volume\.manager .*\] Failed to initialize driver\.: /);
  const { pid } = await daemon.backend('late');
  await daemon.isUp();

  const { pid: now, restarts } = await daemon.backend('late');
  assert.deepEqual([now, restarts], [pid, 0]);
  await daemon.does('volume', 'create', '--size', '1', '--wait', 'demo');
});

test('no backend that could ever work ends the daemon with 1 [A3, L-073]', async (t) => {
  const nosuch = { volume_driver: 'nosuch' };
  const daemon = aDaemon(t, { backends: { one: nosuch, two: nosuch }, defaults });
  const sections = aDaemon(t, { defaults: { ...defaults, enabled_backends: 'mistyped' } });

  daemon.start();
  sections.start();
  const ended = await Promise.all([daemon.ended, sections.ended]);

  assert.deepEqual(ended, [
    { code: 1, signal: null },
    { code: 1, signal: null },
  ]);
  for (const each of [daemon, sections]) {
    const [line] = each.logged(/ ERROR cinder\.cmd\.volume .*terminating/);
    assert.match(line ?? '', /\] No volume service\(s\) started successfully, terminating\.$/);
    await each.gone();
  }
});

test('a driver that stands in a file of the operator is loaded by the worker [S-01]', async (t) => {
  const file = join(aFolder(t), 'mine.mjs');
  writeFileSync(file, "export default { options: {}, create: async () => { throw new Error('made by my file'); } };\n");
  const daemon = aDaemon(t, { backends: { good: fakeBackend(), mine: { volume_driver: file } }, defaults });

  daemon.start();
  await daemon.hasStates({ good: 'up', mine: 'failed' });

  assert.match(daemon.logText(), /Volume service labhost@mine failed to start\.: Error: made by my file/);
});
