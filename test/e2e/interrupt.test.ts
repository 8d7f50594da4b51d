import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aRunningDaemon, fakeBackend } from '../support/daemon.ts';

const line = {
  SIGINT: 'Caught SIGINT signal, instantaneous exiting',
  SIGALRM: 'Graceful shutdown timeout exceeded, instantaneous exiting',
};

for (const signal of ['SIGINT', 'SIGALRM'] as const) {
  test(`${signal} ends the supervisor with 1 at once, and the workers follow [A8, L-180, L-181, L-182, L-024]`, async (t) => {
    const daemon = await aRunningDaemon(t, { backends: { one: fakeBackend(), two: fakeBackend() } });
    const workers = [await daemon.worker('one'), await daemon.worker('two')];

    const begun = performance.now();
    const ended = await daemon.stop(signal);
    const took = performance.now() - begun;
    await daemon.gone(5000);

    assert.deepEqual(ended, { code: 1, signal: null });
    assert.ok(took < 2000, `${took} ms`);
    assert.equal(
      daemon.logged(new RegExp(` ${daemon.pid} INFO oslo_service.service .*\\] ${line[signal]}$`)).length,
      1,
    );
    for (const pid of workers) {
      assert.equal(
        daemon.logged(new RegExp(` ${pid} INFO .*Parent process has died unexpectedly, exiting$`)).length,
        1,
      );
    }
  });
}

test('^C reaches every process, and each says so [A8, L-180]', async (t) => {
  const daemon = await aRunningDaemon(t, { backends: { one: fakeBackend() } });
  const worker = await daemon.worker('one');

  daemon.signalAll('SIGINT');
  const ended = await daemon.gone(5000);

  assert.deepEqual(ended, { code: 1, signal: null });
  for (const pid of [daemon.pid, worker]) {
    const said = new RegExp(` ${pid} INFO .*\\] ${line.SIGINT}$`);
    await daemon.logs(said);
    assert.equal(daemon.logged(said).length, 1);
  }
});
