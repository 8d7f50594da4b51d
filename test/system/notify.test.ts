import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { aDaemon, type Daemon, type DaemonOptions, fakeBackend } from '../support/daemon.ts';
import { datagramsAt } from '../support/datagrams.ts';
import { eventually } from '../support/eventually.ts';
import { aFolder } from '../support/folder.ts';

const clean = { code: 0, signal: null };
const patience = 40_000;

/** A daemon that notifies a socket, and what arrives there. */
async function notifying(
  t: TestContext,
  options: DaemonOptions & { readonly place?: string },
): Promise<{ daemon: Daemon; received: string[][] }> {
  const place = options.place ?? join(aFolder(t), 'notify');
  const received = await datagramsAt(t, place);
  const daemon = aDaemon(t, { ...options, env: { NOTIFY_SOCKET: place, ...options.env } });
  daemon.start();
  return { daemon, received };
}

const has = (received: readonly string[][], line: string | RegExp): boolean =>
  received.flat().some((each) => (typeof line === 'string' ? each === line : line.test(each)));

const gets = (received: readonly string[][], line: string | RegExp): Promise<boolean> =>
  eventually(`${line} is received`, () => has(received, line), patience).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${JSON.stringify(received)}`);
  });

/** What is told of starting, reloading and stopping, in its order. */
const course = (received: readonly string[][]): string[] =>
  received.flat().filter((line) => /^(READY|RELOADING|STOPPING)=/.test(line));

describe('systemd', { concurrency: 2 }, () => {
  for (const kind of ['a path', 'an abstract name']) {
    test(`is told of start, reload and stop at a socket with ${kind} [A12, L-200, L-204, L-205, L-16A, L-176]`, async (t) => {
      const options = {
        backends: { one: fakeBackend() },
        defaults: { graceful_shutdown_timeout: 40 },
        ...(kind === 'a path' ? {} : { place: `@volume-daemon-${process.pid}` }),
      };
      const { daemon, received } = await notifying(t, options);
      await daemon.isUp();
      await gets(received, 'READY=1');
      const environment = readFileSync(`/proc/${await daemon.worker('one')}/environ`, 'utf8');

      const before = process.hrtime.bigint() / 1000n;
      daemon.signal('SIGHUP');
      await eventually('it is ready again', () => course(received).length >= 3, patience);
      const ended = await daemon.stop();
      await gets(received, 'STOPPING=1');

      assert.deepEqual(course(received), ['READY=1', 'RELOADING=1', 'READY=1', 'STOPPING=1']);
      const reloading = received.find((lines) => lines.includes('RELOADING=1')) ?? [];
      const since = /^MONOTONIC_USEC=(\d+)$/m.exec(reloading.join('\n'))?.[1] ?? '0';
      assert.ok(BigInt(since) >= before && BigInt(since) <= process.hrtime.bigint() / 1000n, since);
      assert.ok(received.some((all) => all.includes('STOPPING=1') && all.includes('EXTEND_TIMEOUT_USEC=45000000')));
      assert.ok(!/(NOTIFY_SOCKET|WATCHDOG_)/.test(environment));
      assert.deepEqual(ended, clean);
    });
  }

  test('hears READY when the first backend is up, and how the others do [L-201, L-202]', async (t) => {
    const backends = { quick: fakeBackend(), late: fakeBackend({ fake_delay: 'do_setup:600' }) };
    const { daemon, received } = await notifying(t, { backends });

    await gets(received, 'READY=1');
    await gets(received, /^STATUS=1\/2 backends up; late: .* \(\d+ s\)$/);

    assert.equal((await daemon.backend('late')).state, 'starting');
    assert.equal(received.flat().filter((line) => line === 'READY=1').length, 1);
    assert.deepEqual(await daemon.stop(), clean);
  });

  test('with ready_timeout, hears READY when all are up or can never be [L-201, L-202]', async (t) => {
    const { daemon, received } = await notifying(t, {
      backends: {
        quick: fakeBackend(),
        late: fakeBackend({ fake_construct_delay: 5 }),
        wrong: { volume_driver: 'no.such.Driver' },
      },
      sections: { volume_daemon: { ready_timeout: 600 } },
    });

    await gets(received, /^STATUS=1\/3 backends up/);
    const early = has(received, 'READY=1');
    await gets(received, 'READY=1');

    assert.ok(!early);
    const { backends } = await daemon.status();
    assert.deepEqual(
      backends.map(({ state }) => state),
      ['up', 'up', 'failed'],
    );
    await gets(received, /^STATUS=2\/3 backends up; wrong: .*no\.such\.Driver/);
    assert.deepEqual(await daemon.stop(), clean);
  });

  test('hears READY at the latest after ready_timeout [L-201]', async (t) => {
    const { daemon, received } = await notifying(t, {
      backends: { late: fakeBackend({ fake_delay: 'do_setup:600' }) },
      sections: { volume_daemon: { ready_timeout: 2 } },
    });

    await gets(received, 'READY=1');

    assert.equal((await daemon.backend('late')).state, 'starting');
    assert.deepEqual(await daemon.stop(), clean);
  });

  test('hears the watchdog until a worker is silent, and again when another has taken its place [L-203]', async (t) => {
    const { daemon, received } = await notifying(t, {
      backends: { one: fakeBackend() },
      env: { WATCHDOG_USEC: '1000000' },
      // systemd names the process that it starts, which is the shell at first.
      prefix: ['/bin/sh', '-c', 'WATCHDOG_PID=$$ exec "$@"', 'sh'],
    });
    const beats = (): number => received.flat().filter((line) => line === 'WATCHDOG=1').length;
    await daemon.isUp();
    await eventually('it beats', () => beats() > 3, patience);

    const worker = await daemon.worker('one');
    process.kill(worker, 'SIGSTOP');
    const quiet = async (): Promise<boolean> => {
      const before = beats();
      await sleep(3000);
      return beats() === before;
    };
    await eventually('it beats no more', quiet, patience);
    process.kill(worker, 'SIGKILL');
    const silent = beats();
    await eventually('it beats again', () => beats() > silent + 2, patience);

    assert.deepEqual(await daemon.stop(), clean);
  });

  test('does not hear the watchdog of a process that is not meant [L-203]', async (t) => {
    const { daemon, received } = await notifying(t, {
      backends: { one: fakeBackend() },
      env: { WATCHDOG_USEC: '200000', WATCHDOG_PID: '1' },
    });

    await gets(received, 'READY=1');
    await sleep(1000);

    assert.ok(!has(received, 'WATCHDOG=1'));
    assert.deepEqual(await daemon.stop(), clean);
  });

  test('is waited for by nobody, and one that hears nothing is a line of DEBUG [L-200, L-205]', async (t) => {
    const folder = aFolder(t);
    const slow = join(folder, 'systemd-notify');
    writeFileSync(slow, '#!/bin/sh\nexec sleep 600\n');
    chmodSync(slow, 0o755);
    const options = { backends: { one: fakeBackend() }, defaults: { debug: true } };
    const deaf = aDaemon(t, { ...options, env: { NOTIFY_SOCKET: join(folder, 'nobody') } });
    const hanging = aDaemon(t, {
      ...options,
      env: { NOTIFY_SOCKET: join(folder, 'nobody'), PATH: `${folder}:${process.env['PATH']}` },
    });

    await Promise.all([deaf.startUp(), hanging.startUp()]);
    await deaf.logs(/ DEBUG oslo_service\.systemd .*\] Systemd notification failed /);
    const ended = await Promise.all([deaf.stop(), hanging.stop()]);

    assert.deepEqual(ended, [clean, clean]);
    assert.deepEqual(deaf.logged(/^\S+ \S+ \d+ (WARNING|ERROR|CRITICAL) /), []);
    await hanging.gone(patience);
  });

  test('is asked for more time again and again by a stop without a limit [L-176]', async (t) => {
    const journal = join(aFolder(t), 'journal');
    const { daemon, received } = await notifying(t, {
      backends: { slow: fakeBackend({ fake_delay: 'create_volume:14', fake_journal: journal }) },
      defaults: { graceful_shutdown_timeout: 0 },
    });
    await daemon.isUp();
    await daemon.does('volume', 'create', '--size', '1', 'demo');
    await eventually('it is at work', () => readFileSync(journal, 'utf8').includes('create_volume'), patience);

    assert.deepEqual(await daemon.stop(), clean);

    assert.ok(received.flat().filter((line) => line === 'EXTEND_TIMEOUT_USEC=30000000').length >= 2);
  });
});
