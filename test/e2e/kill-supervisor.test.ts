import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { aRunningDaemon, type Daemon, fakeBackend } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { aFolder } from '../support/folder.ts';
import { commandLineOf, isAlive } from '../support/processes.ts';

const died = / INFO oslo_service\.service .*Parent process has died unexpectedly, exiting$/;

/** Kills the supervisor and gives the milliseconds until a worker is gone. */
async function killed(daemon: Daemon, worker: number): Promise<number> {
  const begun = performance.now();
  daemon.signal('SIGKILL');
  await eventually(`worker ${worker} is gone`, () => !isAlive(worker), 20_000);
  return performance.now() - begun;
}

/** A private target daemon outlives its supervisor: the next one ends it. */
async function onlyTargets(daemon: Daemon): Promise<void> {
  const left = (): string[] => daemon.processes().flatMap((pid) => commandLineOf(pid) ?? []);
  await eventually('no process but a tgtd is left', () => left().every((line) => line.startsWith('tgtd')), 3000);
}

test('an idle daemon whose supervisor is killed is gone at once, and a line says why [A5, L-060, L-061, L-062]', async (t) => {
  const daemon = await aRunningDaemon(t, { backends: { fast: fakeBackend(), slow: fakeBackend() } });
  const workers = [await daemon.worker('fast'), await daemon.worker('slow')];

  const took = await killed(daemon, workers[0] ?? 0);
  await onlyTargets(daemon);

  assert.ok(took < 3000, `${took} ms`);
  for (const pid of workers) {
    assert.equal(daemon.logged(died).filter((line) => line.includes(` ${pid} INFO `)).length, 1);
  }
});

test('a worker that is blocked is gone when it is unblocked [A5, L-061]', async (t) => {
  const journal = join(aFolder(t), 'journal');
  const stuck = fakeBackend({ fake_block: 'create_volume:4', fake_journal: journal });
  const daemon = await aRunningDaemon(t, { backends: { stuck } });
  const worker = await daemon.worker('stuck');
  const asked = daemon.begin('volume', 'create', '--size', '1', 'demo');
  t.after(() => asked.child.kill());
  await eventually('the driver blocks', () => /create_volume \S+ start/.test(readFileSync(journal, 'utf8')), 20_000);

  const took = await killed(daemon, worker);

  assert.ok(took > 500 && took < 10_000, `${took} ms`);
  assert.equal(daemon.logged(died).length, 1);
});

test('an operation has its time before the worker follows its supervisor [A5, L-064]', async (t) => {
  const slow = fakeBackend({ fake_delay: 'create_volume:2' });
  const daemon = await aRunningDaemon(t, { backends: { slow } });
  const worker = await daemon.worker('slow');
  await daemon.does('volume', 'create', '--size', '1', 'demo');

  await killed(daemon, worker);

  assert.deepEqual(daemon.rows('select status from volumes'), [{ status: 'available' }]);
  await onlyTargets(daemon);
});

test('orphan_grace ends what takes longer [A5, L-064]', async (t) => {
  const slow = fakeBackend({ fake_delay: 'create_volume:60' });
  const sections = { volume_daemon: { orphan_grace: 1 } };
  const daemon = await aRunningDaemon(t, { backends: { slow }, sections });
  const worker = await daemon.worker('slow');
  await daemon.does('volume', 'create', '--size', '1', 'demo');

  const took = await killed(daemon, worker);

  assert.ok(took > 900 && took < 10_000, `${took} ms`);
  assert.deepEqual(daemon.rows('select status from volumes'), [{ status: 'creating' }]);
});

test('a worker that could not follow is found and named by the next supervisor [L-063, O-22b]', async (t) => {
  const daemon = await aRunningDaemon(t, {
    backends: { stuck: fakeBackend() },
    defaults: { host: 'labhost', report_interval: 1 },
  });
  const worker = await daemon.worker('stuck');
  process.kill(worker, 'SIGSTOP');
  daemon.signal('SIGKILL');
  await daemon.ended;

  daemon.start();
  const line = await daemon.logs(/Found orphan worker/);

  assert.match(line, new RegExp(` WARNING oslo_service.service .*Found orphan worker ${worker} for labhost@stuck$`));
  process.kill(worker, 'SIGKILL');
  await daemon.isUp();
});
