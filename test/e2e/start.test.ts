import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { aRunningDaemon, type Daemon, fakeBackend } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { aFolder } from '../support/folder.ts';
import { commandLineOf, isAlive, listeningPorts, openFilesOf, parentOf } from '../support/processes.ts';

const quick = { host: 'labhost', report_interval: 1, periodic_fuzzy_delay: 0 };
const two = { fast: fakeBackend(), slow: fakeBackend() };
// A grace that a busy machine does not use up.
const sections = { volume_daemon: { rpc_lost_grace: 60 } };

/** The texts of a worker's lines that operators know, in their order. */
function storyOf(daemon: Daemon, pid: number): string[] {
  const known =
    /(Starting cinder-volume node|Starting volume driver|Driver initialization completed|Initiating service|Creating RPC server|Pinning object versions|Initializing RPC dependent|Driver post RPC)/;
  return daemon
    .logged(new RegExp(` ${pid} (INFO|DEBUG) `))
    .flatMap((line) => known.exec(line)?.[1] ?? [])
    .filter((text, index, all) => all.indexOf(text) === index);
}

/** Milliseconds of the time that a line begins with. */
function timeOf(line: string): number {
  return Date.parse(line.slice(0, 23).replace(' ', 'T'));
}

describe('a start', { concurrency: 3 }, () => {
  test('starts, does the main job, and stops without a word of warning [A1, L-170, L-174]', async (t) => {
    const daemon = await aRunningDaemon(t);

    const made = await daemon.ask('volume', 'create', '--size', '1', '--wait', 'demo');
    await daemon.does('volume', 'delete', '--wait', 'demo');
    const ended = await daemon.stop();

    assert.equal(made['status'], 'available');
    assert.deepEqual(ended, { code: 0, signal: null });
    assert.deepEqual(daemon.logged(/ (WARNING|ERROR|CRITICAL) /), []);
    await eventually('no process is left', () => daemon.processes().length === 0);
  });

  test('two backends', async (t) => {
    const daemon = await aRunningDaemon(t, { backends: two, defaults: { ...quick, debug: true }, sections });
    const fast = await daemon.worker('fast');
    const slow = await daemon.worker('slow');

    await t.test('each has a row of its own that goes on counting [A1, L-070, L-082, L-125]', async () => {
      await Promise.all([daemon.reportsAgain('fast'), daemon.reportsAgain('slow')]);

      const rows = daemon.rows('select host, "binary", topic, availability_zone from services order by host');
      const row = { binary: 'cinder-volume', topic: 'cinder-volume', availability_zone: 'nova' };
      assert.deepEqual(rows, [
        { host: 'labhost@fast', ...row },
        { host: 'labhost@slow', ...row },
      ]);
    });

    await t.test(
      'each tells its start in the lines and the order of upstream [A1, L-096, L-100, L-101, L-120]',
      async () => {
        for (const pid of [fast, slow]) await daemon.logs(new RegExp(` ${pid} DEBUG .*periodic task report_state`));
        for (const pid of [fast, slow]) await daemon.logs(new RegExp(` ${pid} INFO .*Driver post RPC`));
        for (const pid of [fast, slow]) {
          assert.deepEqual(storyOf(daemon, pid), [
            'Starting cinder-volume node',
            'Starting volume driver',
            'Driver initialization completed',
            'Initiating service',
            'Creating RPC server',
            'Pinning object versions',
            'Initializing RPC dependent',
            'Driver post RPC',
          ]);
          const pins = daemon.logged(
            new RegExp(
              ` ${pid} INFO cinder\\.rpc .*Automatically selected cinder-scheduler .*minimum service version\\.`,
            ),
          );
          assert.equal(pins.length, 2);
        }
        const own = daemon.logged(new RegExp(` ${daemon.pid} INFO oslo_service.service .*\\] Starting 1 workers$`));
        assert.equal(own.length, 2);
        assert.equal(daemon.logged(new RegExp(` DEBUG oslo_service.service .*\\] Started child ${fast} `)).length, 1);
        assert.deepEqual(daemon.logged(/^\S+ \S+ \d+ (WARNING|ERROR|CRITICAL) /), []);
      },
    );

    await t.test(
      'every process shows who it is, and all are children of the one that was started [L-001, L-002, L-003]',
      async () => {
        const { broker } = await daemon.status();
        assert.ok(broker.pid !== null);

        assert.equal(commandLineOf(daemon.pid), 'cinder-volume: supervisor');
        assert.equal(commandLineOf(fast), 'cinder-volume: worker labhost@fast');
        assert.equal(commandLineOf(slow), 'cinder-volume: worker labhost@slow');
        assert.equal(commandLineOf(broker.pid), 'cinder-volume: broker');
        for (const pid of [fast, slow, broker.pid]) assert.equal(parentOf(pid), daemon.pid);
      },
    );

    await t.test(
      'the supervisor holds neither database nor broker, and a worker no file of its siblings [L-056, L-058, L-112, L-115]',
      () => {
        const ofSupervisor = openFilesOf(daemon.pid);
        const ofWorker = openFilesOf(fast);

        assert.deepEqual(
          ofSupervisor.filter((path) => path.includes('cinder.sqlite')),
          [],
        );
        assert.ok(ofWorker.some((path) => path.endsWith('/cinder.sqlite')));
        assert.ok(ofWorker.every((path) => !path.endsWith('labhost@slow.lock') && !path.endsWith('admin.sock')));
        assert.ok(ofWorker.includes('/dev/null'));
        assert.deepEqual([daemon.pid, fast, slow].flatMap(listeningPorts), []);
      },
    );

    await t.test('nothing is left when it is told to stop, and soon [L-170, L-171, L-174, O-18b]', async () => {
      const begun = performance.now();
      const ended = await daemon.stop();
      const took = performance.now() - begun;

      assert.deepEqual(ended, { code: 0, signal: null });
      assert.ok(took < 6000, `${took} ms`);
      assert.ok(![fast, slow].some(isAlive));
      for (const pid of [fast, slow]) {
        assert.equal(
          daemon.logged(new RegExp(`INFO oslo_service.service .*Child ${pid} exited with status 0 \\(`)).length,
          1,
        );
      }
      const lines = daemon.logged(new RegExp(` ${daemon.pid} `)).map((line) => line.replace(/^.*?\] /, ''));
      const from = lines.findIndex((line) => line.startsWith('Caught SIGTERM'));
      assert.deepEqual(
        lines.slice(from, from + 4).map((line) => line.replace(/ \S+ \S+:\d+$/, '').replace(/ on \d+ /, ' on N ')),
        ['Caught SIGTERM, stopping children', 'Stop services.', 'Killing children.', 'Waiting on N children to exit'],
      );
    });
  });

  test('the first report of each worker comes after a delay of its own [L-111]', async (t) => {
    const backends = { a: fakeBackend(), b: fakeBackend(), c: fakeBackend(), d: fakeBackend() };
    const daemon = await aRunningDaemon(t, {
      backends,
      defaults: { ...quick, debug: true, periodic_fuzzy_delay: 20, backend_stats_polling_interval: 3 },
    });
    const begun: number[] = [];

    for (const name of Object.keys(backends)) {
      const task = new RegExp(
        ` ${await daemon.worker(name)} DEBUG .*Running periodic task publish_service_capabilities`,
      );
      begun.push(timeOf(await daemon.logs(task, 60_000)));
    }

    // Four that share a seed, or have no delay, begin together.
    assert.ok(Math.max(...begun) - Math.min(...begun) > 500, `${begun}`);
  });

  test('a driver that is found is told of where the level of its logger says so [L-095]', async (t) => {
    const backends = { one: fakeBackend() };
    const told = await aRunningDaemon(t, {
      backends,
      defaults: { debug: true, default_log_levels: 'stevedore=DEBUG' },
    });
    const usual = await aRunningDaemon(t, { backends, defaults: { debug: true } });

    const [line = ''] = told.logged(/ DEBUG stevedore\.extension /);

    assert.match(
      line,
      /\] found extension EntryPoint\.parse\('cinder\.tests\.fake_driver\.FakeLoggingVolumeDriver = cinder\.tests\.fake_driver:FakeLoggingVolumeDriver'\)/,
    );
    assert.deepEqual(usual.logged(/stevedore\.extension/), []);
  });

  test('drivers that take their time are made side by side [L-057, L-105, O-17]', async (t) => {
    const journal = join(aFolder(t), 'journal');
    const slow = fakeBackend({ fake_construct_delay: 5, fake_journal: journal });
    const daemon = await aRunningDaemon(t, { backends: { a: slow, b: slow, c: slow }, defaults: quick });

    const made = readFileSync(journal, 'utf8').match(/construct - \w+/g) ?? [];

    assert.deepEqual(made.slice(0, 3), Array(3).fill('construct - start'));
    assert.equal(daemon.logged(/Starting cinder-volume node/).length, 3);
  });
});
