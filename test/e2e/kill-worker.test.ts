import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { aRunningDaemon, fakeBackend } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { aFolder } from '../support/folder.ts';

test('workers that die', async (t) => {
  const daemon = await aRunningDaemon(t, {
    backends: { fast: fakeBackend(), slow: fakeBackend() },
    defaults: { host: 'labhost', report_interval: 1 },
  });

  for (const name of ['fast', 'slow']) {
    await t.test(
      `${name} is replaced after SIGKILL and reports under its own row [A4, L-084, L-150, L-153, L-154, O-14]`,
      async () => {
        const other = name === 'fast' ? 'slow' : 'fast';
        const before = await daemon.worker(name);
        const undisturbed = await daemon.worker(other);

        process.kill(before, 'SIGKILL');
        const line = await daemon.logs(new RegExp(`Child ${before} killed by signal`));
        await eventually('a new worker is up', async () => {
          const { pid, state } = await daemon.backend(name);
          return pid !== before && state === 'up';
        });
        await Promise.all([daemon.reportsAgain(name), daemon.reportsAgain(other)]);

        assert.match(
          line,
          new RegExp(` WARNING oslo_service.service .*Child ${before} killed by signal 9 \\(labhost@${name}\\)$`),
        );
        assert.equal(await daemon.worker(other), undisturbed);
        assert.equal((await daemon.backend(name)).restarts, 1);
        assert.equal(daemon.rows('select id from services').length, 2);
      },
    );
  }

  await t.test(
    'one that was told to end by somebody else ends well, and is replaced [L-151, L-153, L-171]',
    async () => {
      const before = await daemon.worker('fast');

      process.kill(before, 'SIGTERM');
      await daemon.logs(
        new RegExp(` WARNING oslo_service.service .*Child ${before} exited with status 0 \\(labhost@fast\\)$`),
      );
      await eventually('a new worker is up', async () => {
        const { pid, state } = await daemon.backend('fast');
        return pid !== before && state === 'up';
      });
      await daemon.reportsAgain('fast');
    },
  );

  await t.test('the embedded broker is replaced as well, at its old address [L-153, M-60]', async () => {
    const { broker } = await daemon.status();
    assert.ok(broker.pid !== null);

    process.kill(broker.pid, 'SIGKILL');
    await daemon.logs(new RegExp(`Child ${broker.pid} killed by signal 9 \\(broker\\)`));
    await eventually('all are up again', async () => {
      const { backends, broker: now } = await daemon.status();
      return now.pid !== broker.pid && now.pid !== null && backends.every(({ state }) => state === 'up');
    });

    assert.equal((await daemon.status()).broker.address, broker.address);
    await daemon.does('volume', 'create', '--backend', 'fast', '--size', '1', '--wait', 'after');
  });

  await t.test('SIGINT to a worker ends it at once, with 1 and its line [L-180]', async () => {
    const before = await daemon.worker('slow');

    process.kill(before, 'SIGINT');
    await daemon.logs(new RegExp(`Child ${before} exited with status 1 \\(labhost@slow\\)`));

    assert.equal(
      daemon.logged(new RegExp(` ${before} INFO oslo_service.service .*Caught SIGINT signal, instantaneous exiting$`))
        .length,
      1,
    );
  });
});

test('a successor is up while it still does what its predecessor left undone [L-122]', async (t) => {
  const journal = join(aFolder(t), 'journal');
  const daemon = await aRunningDaemon(t, {
    backends: { one: fakeBackend({ fake_delay: 'delete_volume:600', fake_journal: journal }) },
    defaults: { host: 'labhost', report_interval: 1 },
  });
  await daemon.does('volume', 'create', '--size', '1', '--wait', 'demo');
  await daemon.does('volume', 'delete', 'demo');
  const deletes = (event: string): number =>
    readFileSync(journal, 'utf8')
      .split('\n')
      .filter((line) => new RegExp(`delete_volume \\S+ ${event}$`).test(line)).length;
  await eventually('the delete is under way', () => deletes('start') === 1, 20_000);

  process.kill(await daemon.worker('one'), 'SIGKILL');
  await eventually('it is under way again', () => deletes('start') === 2, 40_000);
  await daemon.isUp();
  await daemon.reportsAgain('one');
  await daemon.does('volume', 'create', '--size', '1', '--wait', 'another');

  assert.equal(deletes('end'), 0);
});
