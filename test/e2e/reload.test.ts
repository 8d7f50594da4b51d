import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { aRunningDaemon, type Daemon, type DaemonOptions, fakeBackend } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { noTerminal, onTerminal, quoted } from '../support/on-terminal.ts';

const defaults = { host: 'labhost', report_interval: 1 };
const two = { one: fakeBackend(), two: fakeBackend() };

/** Sends SIGHUP and waits until the workers that stay have heard of it. */
async function hup(daemon: Daemon, workers: readonly number[]): Promise<void> {
  const heard = (pid: number): number =>
    daemon.logged(new RegExp(` ${pid} INFO .*\\] Child caught SIGHUP, handling$`)).length;
  const before = workers.map(heard);
  daemon.signal('SIGHUP');
  await eventually(
    'the workers have heard of the reload',
    () => workers.every((pid, index) => heard(pid) > (before[index] ?? 0)),
    20_000,
  );
}

async function pidsOf(daemon: Daemon): Promise<Record<string, number | null>> {
  return Object.fromEntries((await daemon.status()).backends.map(({ name, pid }) => [name, pid]));
}

test('SIGHUP', async (t) => {
  const options: DaemonOptions = { backends: two, defaults };
  const daemon = await aRunningDaemon(t, options);
  const pids = await pidsOf(daemon);
  const workers = [pids['one'] ?? 0, pids['two'] ?? 0];
  const change = (more: DaemonOptions): void =>
    daemon.configure({ ...options, ...more, defaults: { ...defaults, ...more.defaults } });

  await t.test(
    'turns debug on everywhere, drops the pins, and stops nothing [A9, L-160, L-161, L-162, L-163, L-164]',
    async () => {
      change({ defaults: { debug: true } });

      await hup(daemon, workers);
      await daemon.logs(/ DEBUG cinder\.service .*Running periodic task report_state/);

      assert.deepEqual(await pidsOf(daemon), pids);
      assert.equal(daemon.logged(/ INFO oslo_service\.service .*\] Caught SIGHUP, stopping children$/).length, 1);
      const told = / INFO oslo_config\.cfg .*\] Option DEFAULT\.debug changed from \[False\] to \[True\]$/;
      assert.equal(daemon.logged(told).length, 1);
      for (const pid of [daemon.pid, ...workers]) {
        const line = new RegExp(` ${pid} INFO cinder\\.manager .*\\] Resetting cached RPC version pins\\.$`);
        assert.equal(daemon.logged(line).length, 1);
      }
      for (const pid of workers) {
        await eventually(
          'the pins are told again',
          () => daemon.logged(new RegExp(` ${pid} INFO cinder\\.rpc `)).length === 4,
        );
      }
    },
  );

  await t.test('leaves what cannot be changed as it is, and says so [A9, L-162]', async () => {
    change({ defaults: { storage_availability_zone: 'elsewhere' } });

    await hup(daemon, workers);

    const line =
      / WARNING oslo_config\.cfg .*\] Ignoring change to immutable option DEFAULT\.storage_availability_zone$/;
    await daemon.logs(line);
    assert.deepEqual(await pidsOf(daemon), pids);
    change({});
    await hup(daemon, workers);
  });

  await t.test('changes nothing and ends nothing where the file is broken or gone [A9, L-166, O-04]', async () => {
    const kept = / ERROR oslo_service\.service .*\] Configuration reload failed, keeping the running configuration: /;
    const spoil: [string, RegExp, () => void][] = [
      [
        'a line that is no option',
        /Failed to parse .*cinder\.conf:/,
        () => writeFileSync(daemon.conf, '[DEFAULT]\nnonsense\n'),
      ],
      ['a boolean that is none', /debug/, () => change({ defaults: { debug: 'notabool' } })],
      ['an empty file', /it enables no backend/, () => writeFileSync(daemon.conf, '')],
      ['no file', /Failed to find some config files: /, () => rmSync(daemon.conf)],
    ];

    for (const [what, reason, how] of spoil) {
      const before = daemon.logged(kept).length;
      how();
      daemon.signal('SIGHUP');
      await eventually(what, () => daemon.logged(kept).length > before, 20_000);
      assert.match(daemon.logged(kept).at(-1) ?? '', reason, what);
    }

    assert.deepEqual(await pidsOf(daemon), pids);
    await Promise.all([daemon.reportsAgain('one'), daemon.reportsAgain('two')]);
    change({});
  });

  await t.test('twice quickly is no harm, and the second sees the newest file [A9, L-165]', async () => {
    change({ defaults: { debug: true } });
    daemon.signal('SIGHUP');
    daemon.signal('SIGHUP');
    change({ defaults: { report_interval: 2 } });
    daemon.signal('SIGHUP');

    await daemon.logs(/Option DEFAULT\.report_interval changed from \[1\] to \[2\]/);
    assert.deepEqual(await pidsOf(daemon), pids);
    change({});
    await hup(daemon, workers);
    await daemon.logs(/Option DEFAULT\.report_interval changed from \[2\] to \[1\]/);
  });

  await t.test('to one worker is for that worker alone [L-110, L-169]', async () => {
    const [one = 0, other = 0] = workers;
    const handled = (pid: number): number => daemon.logged(new RegExp(` ${pid} INFO .*Child caught SIGHUP`)).length;
    const through = async (): Promise<boolean> => {
      const { applied, failed } = (await daemon.status()).reloads;
      const asked = daemon.logged(/ Caught SIGHUP, stopping children$/).length;
      return asked === applied + failed && handled(one) === applied && handled(other) === applied;
    };
    await eventually('the reloads before are through', through, 20_000);
    const before = [handled(one), handled(other)];

    process.kill(one, 'SIGHUP');
    await eventually('it has handled it', () => handled(one) > (before[0] ?? 0));

    assert.equal(handled(other), before[1]);
    assert.deepEqual(await pidsOf(daemon), pids);
  });

  await t.test('adds, replaces and removes a backend, and touches no other [A9, L-167, O-05]', async () => {
    change({ backends: { ...two, three: fakeBackend() } });
    await hup(daemon, workers);
    await daemon.hasStates({ one: 'up', two: 'up', three: 'up' });
    assert.deepEqual({ ...(await pidsOf(daemon)), three: undefined }, { ...pids, three: undefined });
    await daemon.reportsAgain('three');

    change({
      backends: { one: fakeBackend({ volume_backend_name: 'other' }), two: fakeBackend(), three: fakeBackend() },
    });
    daemon.signal('SIGHUP');
    await daemon.logs(/ INFO oslo_config\.cfg .*Option one\.volume_backend_name changed from \[None\] to \[other\]/);
    await eventually(
      'one is replaced',
      async () => {
        const { pid, state } = await daemon.backend('one');
        return state === 'up' && pid !== pids['one'];
      },
      20_000,
    );
    assert.equal((await pidsOf(daemon))['two'], pids['two']);

    change({ backends: { two: fakeBackend() } });
    daemon.signal('SIGHUP');
    await daemon.hasStates({ two: 'up' });
    assert.equal((await pidsOf(daemon))['two'], pids['two']);
    assert.deepEqual(daemon.logged(/Ignoring change to immutable option .*enabled_backends/), []);
  });

  await t.test('a new backend that cannot be used is told with the reason [L-167, L-074]', async () => {
    change({ backends: { two: fakeBackend(), wrong: { volume_driver: 'nonsense' } } });

    const printed = await daemon.does('reload');
    change({ backends: { two: fakeBackend() } });
    await daemon.does('reload');

    assert.match(printed, /^wrong: new backend, failed: .*nonsense/m);
  });

  await t.test('a section that is spoilt leaves its worker as it was [L-166, L-167]', async () => {
    change({ backends: { two: fakeBackend({ reserved_percentage: 'nonsense' }) } });

    daemon.signal('SIGHUP');
    await daemon.logs(/ ERROR oslo_config\.cfg .*\] A backend keeps its running configuration: .*reserved_percentage/);

    assert.deepEqual(await pidsOf(daemon), { two: pids['two'] });
    await daemon.reportsAgain('two');
  });
});

test('a worker that is replaced ends its operations first [L-167, L-164]', async (t) => {
  const slow = { fake_delay: 'create_volume:2' };
  const daemon = await aRunningDaemon(t, { backends: { slow: fakeBackend(slow) }, defaults });
  const before = await daemon.worker('slow');
  await daemon.does('volume', 'create', '--size', '1', 'demo');

  daemon.configure({ backends: { slow: fakeBackend({ ...slow, volume_backend_name: 'other' }) }, defaults });
  const told = await daemon.does('reload');

  assert.match(
    told,
    new RegExp(`slow: volume_backend_name None -> other, worker replaced after draining \\(pid ${before} -> `),
  );
  assert.deepEqual(daemon.rows('select status from volumes'), [{ status: 'available' }]);
});

test('reload_backends = false ignores what changed in sections, as upstream [L-167]', async (t) => {
  const sections = { volume_daemon: { reload_backends: false } };
  const daemon = await aRunningDaemon(t, { backends: two, defaults, sections });
  const pids = await pidsOf(daemon);

  daemon.configure({ backends: { one: fakeBackend({ volume_backend_name: 'other' }) }, defaults, sections });
  daemon.signal('SIGHUP');
  await daemon.logs(/ WARNING oslo_config\.cfg .*Ignoring change to immutable option one\.volume_backend_name$/);
  await daemon.logs(/ WARNING oslo_config\.cfg .*Ignoring change to immutable option DEFAULT\.enabled_backends$/);

  assert.deepEqual(await pidsOf(daemon), pids);
});

test('SIGHUP in the foreground of a terminal is a graceful stop [A9, L-170]', { skip: noTerminal }, async (t) => {
  const daemon = await aRunningDaemon(t, { backends: { one: fakeBackend() }, defaults });
  await daemon.stop();
  await daemon.gone();

  const shown = onTerminal(`exec ${daemon.commandLine.map(quoted).join(' ')}`);
  t.after(() => shown.child.kill('SIGKILL'));
  await shown.shows(/1 of 1 backends up/, 40_000);
  process.kill((await daemon.status()).pid, 'SIGHUP');
  const code = await shown.ended;

  assert.equal(code, 0);
  await daemon.logs(/ INFO oslo_service\.service .*\] Caught SIGHUP, stopping children$/);
  assert.equal(daemon.logged(/Child \d+ exited with status 0 \(labhost@one\)/).length, 2);
});
