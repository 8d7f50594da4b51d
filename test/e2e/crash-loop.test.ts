import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aDaemon, fakeBackend } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';

test('a backend that dies in its set-up waits ever longer, the other is replaced at once [A10, L-102, L-103, L-151, O-09]', async (t) => {
  const daemon = aDaemon(t, {
    backends: { good: fakeBackend(), bad: fakeBackend({ fake_die: 'do_setup:error' }) },
    defaults: { host: 'labhost', report_interval: 1 },
    sections: { volume_daemon: { respawn_backoff_max: 8 } },
  });

  daemon.start();
  await daemon.logs(/Forking too fast, sleeping \(labhost@bad, 4 s\)$/, 60_000);
  const starts = daemon.logged(/\(labhost@bad\)/).length;
  const before = await daemon.worker('good');
  const begun = performance.now();
  process.kill(before, 'SIGKILL');
  await eventually('the other is replaced', async () => ![before, null].includes((await daemon.backend('good')).pid));
  const took = performance.now() - begun;

  const waits = daemon.logged(/ INFO oslo_service\.service .*\] Forking too fast, sleeping /);
  assert.deepEqual(
    waits.map((line) => line.replace(/^.*sleeping /, '')),
    ['(labhost@bad, 1 s)', '(labhost@bad, 2 s)', '(labhost@bad, 4 s)'],
  );
  assert.equal(
    daemon.logged(/ WARNING oslo_service\.service .*\] Child \d+ exited with status 2 \(labhost@bad\)$/).length,
    4,
  );
  assert.ok(starts <= 8, `${starts} lines`);
  assert.ok(took < 3000, `${took} ms`);
  assert.deepEqual(daemon.rows('select host from services order by host'), [
    { host: 'labhost@bad' },
    { host: 'labhost@good' },
  ]);
  assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
});

test('an error that reaches nobody ends the worker with 2 and both lines, and is no end of the daemon [L-021, L-153]', async (t) => {
  const daemon = aDaemon(t, { backends: { bad: fakeBackend({ fake_die: 'create_volume:error' }) } });
  await daemon.startUp();
  const worker = await daemon.worker('bad');

  await daemon.command('volume', 'create', '--size', '1', 'demo');
  await daemon.logs(new RegExp(`Child ${worker} exited with status 2 `));

  const text = 'the fake driver throws where nobody catches, as fake_die says';
  assert.equal(
    daemon.logged(new RegExp(` ${worker} ERROR oslo_service.service .*\\] Unhandled exception: Error: ${text}$`))
      .length,
    1,
  );
  assert.equal(
    daemon.logged(new RegExp(` ${worker} CRITICAL cinder .*\\] Unhandled error: Error: ${text}$`)).length,
    1,
  );
});
