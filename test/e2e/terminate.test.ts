import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openClient } from '../support/client.ts';
import { aDaemon, aRunningDaemon, type Daemon, fakeBackend } from '../support/daemon.ts';
import { lockDatabase } from '../support/database-lock.ts';
import { eventually } from '../support/eventually.ts';
import { aFolder } from '../support/folder.ts';
import { catches } from '../support/processes.ts';

const clean = { code: 0, signal: null };

/** A daemon with a slow driver, at work on a call that has an answer to wait for. */
async function atWork(t: Parameters<typeof aRunningDaemon>[0], seconds: number, others = {}) {
  const journal = join(aFolder(t), 'journal');
  const slow = fakeBackend({ fake_delay: `remove_export:${seconds}`, fake_journal: journal });
  const daemon = await aRunningDaemon(t, { backends: { slow, ...others }, defaults: { report_interval: 1 } });
  const { id } = await daemon.ask<{ id: string }>(
    'volume',
    'create',
    '--size',
    '1',
    '--backend',
    'slow',
    '--wait',
    'demo',
  );
  const { host } = await daemon.backend('slow');
  const client = await openClient(daemon);
  t.after(() => client.close());
  const answer = client.call(host, 'remove_export', { volume_id: id }).then(
    () => 'answered',
    (error: unknown) => String(error),
  );
  await eventually('the call runs', () => readFileSync(journal, 'utf8').includes('remove_export'), 20_000);
  return { daemon, answer, worker: await daemon.worker('slow') };
}

/** Sends SIGTERM when `when` comes true and gives the milliseconds to the end, which must be a good one. */
async function stoppedDuring(daemon: Daemon, when: () => Promise<unknown>): Promise<number> {
  daemon.start();
  await when();
  const begun = performance.now();
  assert.deepEqual(await daemon.stop(), clean, daemon.printed + daemon.logText());
  await daemon.gone();
  return performance.now() - begun;
}

describe('SIGTERM', { concurrency: 3 }, () => {
  test('SIGTERM to the supervisor lets a call come to its end and be answered [A6, L-170, L-171, L-175]', async (t) => {
    const { daemon, answer, worker } = await atWork(t, 3);
    const before = daemon.reports('slow');

    daemon.signal('SIGTERM');
    const text = await answer;
    const ended = await daemon.gone();

    assert.equal(text, 'answered');
    assert.deepEqual(ended, clean);
    assert.ok(daemon.reports('slow') > before, 'the heartbeat went on');
    assert.equal(daemon.logged(new RegExp(`Child ${worker} exited with status 0 `)).length, 1);
    assert.equal(daemon.logged(/ (WARNING|ERROR) /).length, 0, daemon.logText());
  });

  test('SIGTERM to the whole group, and again and again, changes nothing about it [A6, L-172, O-01, O-38]', async (t) => {
    const { daemon, answer } = await atWork(t, 3);

    for (let round = 0; round < 10; round++) {
      daemon.signalAll('SIGTERM');
      await sleep(100);
    }
    const text = await answer;
    const ended = await daemon.gone();

    assert.equal(text, 'answered');
    assert.deepEqual(ended, clean);
    assert.ok(daemon.logged(/ INFO oslo_service.service .*\] Already shutting down$/).length >= 5);
    assert.deepEqual(daemon.logged(/killed by signal \d+ \(.*@/), []);
  });

  test('a stop that takes long says what it waits for [A6, L-175]', async (t) => {
    const { daemon, answer } = await atWork(t, 12);

    daemon.signal('SIGTERM');
    const line = await daemon.logs(/ INFO cinder\.service .*Waiting for 1 operations: /);

    assert.match(line, /Waiting for 1 operations: remove_export [0-9a-f-]{36} \(\d+ s\)$/);
    assert.equal(await answer, 'answered');
    assert.deepEqual(await daemon.gone(), clean);
  });

  test('a backend that is done while another still works is drained, and status says why it does not come back [L-170, O-15]', async (t) => {
    const { daemon, answer } = await atWork(t, 15, { quick: fakeBackend() });

    daemon.signal('SIGTERM');
    const quick = await eventually('the idle worker has ended', async () => {
      const backend = await daemon.backend('quick');
      return backend.pid === null ? backend : undefined;
    });
    const { stdout } = await daemon.command('status');

    assert.deepEqual([quick.state, quick.reason], ['drained', 'its worker has ended, the daemon is stopping']);
    assert.match(stdout, /\d of 2 connected {2}database /);
    assert.equal(await answer, 'answered');
    assert.deepEqual(await daemon.gone(), clean);
  });

  test('what the kill at the end of a unit’s patience cuts off is cleaned up by the next start [O-03, O-22, O-38]', async (t) => {
    const journal = join(aFolder(t), 'journal');
    const backend = (seconds: number) => fakeBackend({ fake_journal: journal, fake_delay: `create_volume:${seconds}` });
    const daemon = await aRunningDaemon(t, { backends: { slow: backend(600) }, defaults: { report_interval: 1 } });
    await daemon.does('volume', 'create', '--size', '1', 'demo');
    await eventually('it is under way', () => readFileSync(journal, 'utf8').includes('create_volume'), 60_000);

    daemon.signalAll('SIGTERM');
    await daemon.logs(/Caught SIGTERM, stopping children/);
    const drained = daemon.rows('select status from volumes');
    daemon.signalAll('SIGKILL');
    const ended = await daemon.gone();
    daemon.configure({ backends: { slow: backend(0) }, defaults: { report_interval: 1 } });
    await daemon.startUp();
    const isOver = (): boolean =>
      daemon.rows("select id from volumes where status = 'creating'").length === 0 &&
      daemon.rows('select id from workers where service_id is not null').length === 0;
    await eventually('nothing is left in between', isOver, 90_000);

    assert.deepEqual(drained, [{ status: 'creating' }]);
    assert.deepEqual(ended, { code: null, signal: 'SIGKILL' });
    assert.match(String(daemon.rows('select status from volumes')[0]?.['status']), /^(available|error)$/);
  });

  test('SIGTERM while the database is away', async (t) => {
    await t.test('ends an idle daemon at once [A6, L-131, L-177, O-18]', async (t) => {
      const daemon = await aRunningDaemon(t, { backends: { one: fakeBackend() }, defaults: { report_interval: 1 } });
      const lock = await lockDatabase(t, daemon.folder);
      await daemon.logs(/ERROR cinder\.service /);

      const begun = performance.now();
      const ended = await daemon.stop();

      assert.deepEqual(ended, clean);
      assert.ok(performance.now() - begun < 8000, `${performance.now() - begun} ms`);
      await lock.kill();
    });

    await t.test('lets an operation be written down when it is back [A6, R-12]', async (t) => {
      const journal = join(aFolder(t), 'journal');
      const slow = fakeBackend({ fake_delay: 'create_volume:5', fake_journal: journal });
      const daemon = await aRunningDaemon(t, { backends: { slow }, defaults: { report_interval: 1 } });
      await daemon.does('volume', 'create', '--size', '1', 'demo');
      const lock = await lockDatabase(t, daemon.folder);

      daemon.signal('SIGTERM');
      await eventually('the driver is done', () => /create_volume \S+ end/.test(readFileSync(journal, 'utf8')), 20_000);
      await sleep(300);
      const early = daemon.processes().length;
      await lock.kill();
      const ended = await daemon.gone(20_000);

      assert.ok(early >= 2, 'nothing is given up before');
      assert.deepEqual(ended, clean);
      assert.deepEqual(daemon.rows('select status from volumes'), [{ status: 'available' }]);
    });
  });

  test('SIGTERM in every phase of a start ends it well and at once [L-177, L-178, L-131]', async (t) => {
    const begins = (knobs: Parameters<typeof fakeBackend>[0]): Daemon =>
      aDaemon(t, { backends: { one: fakeBackend(knobs) } });
    const caught = (daemon: Daemon) => eventually('signals are caught', () => catches(daemon.pid, 'SIGUSR2'), 20_000);
    const phases: [Daemon, (daemon: Daemon) => Promise<unknown>][] = [
      [begins({}), caught],
      [begins({}), (daemon) => caught(daemon).then(() => sleep(200))],
      [begins({}), (daemon) => daemon.logs(/Starting 1 workers/)],
      [begins({ fake_construct_delay: 60 }), (daemon) => daemon.logs(/Starting cinder-volume node/)],
      [begins({ fake_delay: 'do_setup:60' }), (daemon) => daemon.logs(/Starting volume driver/)],
      [begins({ fake_setup_failures: -1 }), (daemon) => daemon.logs(/Failed to initialize driver/)],
    ];

    const times = await Promise.all(phases.map(([daemon, when]) => stoppedDuring(daemon, () => when(daemon))));

    assert.ok(Math.max(...times) < 15_000, `${times} ms`);
  });
});
