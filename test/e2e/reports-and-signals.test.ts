import assert from 'node:assert/strict';
import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { aRunningDaemon, fakeBackend } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { aFolder } from '../support/folder.ts';
import { isAlive, listeningPorts } from '../support/processes.ts';

const titles = [
  'Package',
  'Threads',
  'Timers',
  'Memory',
  'Operations in progress',
  'Processes',
  'Connections',
  'Configuration',
];

describe('reports and signals', { concurrency: 3 }, () => {
  test('SIGUSR1 opens no debugger and ends nobody [A13, L-114]', async (t) => {
    const daemon = await aRunningDaemon(t, { backends: { one: fakeBackend() } });
    const { broker } = await daemon.status();
    const pids = [daemon.pid, await daemon.worker('one'), broker.pid ?? 0];

    for (const pid of pids) process.kill(pid, 'SIGUSR1');
    await sleep(500);

    assert.ok(pids.every(isAlive));
    assert.deepEqual(
      pids.flatMap(listeningPorts).filter((port) => port === 9229),
      [],
    );
    assert.ok(!daemon.printed.includes('Debugger'));
  });

  test('SIGUSR2 gives a report of the supervisor and of a worker, with what they do [A13, L-032, L-190, L-192, L-193, L-194]', async (t) => {
    const slow = fakeBackend({ fake_delay: 'create_volume:30' });
    const secret = { database: { slave_connection: 'mysql://someone:canary@elsewhere/cinder' } };
    const daemon = await aRunningDaemon(t, {
      backends: { slow },
      defaults: { host: 'labhost', graceful_shutdown_timeout: 1 },
      sections: secret,
    });
    const worker = await daemon.worker('slow');
    await daemon.does('volume', 'create', '--size', '1', 'demo');
    await eventually('the supervisor knows of it', async () => (await daemon.backend('slow')).inflight.length > 0);

    const reportOf = async (pid: number): Promise<string> => {
      const from = daemon.printed.length;
      process.kill(pid, 'SIGUSR2');
      return eventually(
        'the report is there',
        () => {
          const text = daemon.printed.slice(from);
          return /====\s+Configuration\s+====[\s\S]*\*{80}\n$/.test(text) ? text : undefined;
        },
        20_000,
      );
    };
    const reports = [await reportOf(daemon.pid), await reportOf(worker)];

    for (const report of reports) {
      assert.ok(
        report.startsWith(
          `${'='.repeat(72)}\n====                        Guru Meditation                         ====\n${'='.repeat(72)}\n`,
        ),
      );
      const found = [...report.matchAll(/^====\s+(.*?)\s+====$/gm)].map(([, title]) => title);
      for (const title of titles) assert.ok(found.includes(title), `${title} in ${found}`);
      assert.match(report, /^product = OpenStack Cinder\nvendor = volume-daemon\nversion = \d/m);
      assert.match(report, /^create_volume [0-9a-f-]{36} since \d+ ms, req-/m);
      assert.ok(!report.includes('canary'));
    }
    assert.match(reports[0] ?? '', new RegExp(`^ {2}${worker} labhost@slow up$`, 'm'));
    assert.ok(isAlive(daemon.pid) && isAlive(worker));
  });

  test('reports go to a folder, and a file can ask for them [L-190, L-191]', async (t) => {
    const folder = aFolder(t);
    const trigger = join(folder, 'trigger');
    const reports = join(folder, 'reports');
    writeFileSync(trigger, '');
    const daemon = await aRunningDaemon(t, {
      backends: { one: fakeBackend() },
      sections: { oslo_reports: { log_dir: reports, file_event_handler: trigger, file_event_handler_interval: 1 } },
    });

    await sleep(1500);
    daemon.signal('SIGUSR2');
    await sleep(300);
    const asked = () => readdirSync(folder).includes('reports');
    assert.ok(!asked(), 'the file takes the place of the signal');
    utimesSync(trigger, new Date(), new Date(Date.now() - 60_000));
    const name = await eventually('a report is written', () => asked() && readdirSync(reports)[0], 20_000);

    assert.match(name, /^cinder-volume_gurumeditation_\d{14}$/);
    await eventually('it is whole', () => readFileSync(join(reports, name), 'utf8').includes('Configuration'));
    assert.ok(!daemon.printed.includes('Guru'));
  });
});
