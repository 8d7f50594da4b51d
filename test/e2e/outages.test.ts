import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { aDaemon, aRunningDaemon, type Daemon, fakeBackend } from '../support/daemon.ts';
import { execute } from '../support/database.ts';
import { lockDatabase } from '../support/database-lock.ts';
import { eventually } from '../support/eventually.ts';

const defaults = { host: 'labhost', report_interval: 1 };
const one = { one: fakeBackend() };

/** The lines above DEBUG that a worker wrote from here on. */
function linesOf(daemon: Daemon, pid: number, from: number): string[] {
  return daemon.logged(new RegExp(` ${pid} (INFO|WARNING|ERROR|CRITICAL) `)).slice(from);
}

test('outages', { concurrency: true }, async (t) => {
  await Promise.all([
    t.test(
      'the database goes away and comes back: the heartbeat tells both, once, and status shows it [A11, L-128, L-129, O-12, O-15]',
      async (t) => {
        const daemon = await aRunningDaemon(t, { backends: one, defaults });
        const pid = await daemon.worker('one');
        await daemon.reportsAgain('one');
        const before = linesOf(daemon, pid, 0).length;

        const lock = await lockDatabase(t, daemon.folder);
        const line = await daemon.logs(/ ERROR cinder\.service .*\] (model server went away|DBError encountered: )/);
        await eventually('status shows that it is away', async () => {
          const { code, stdout } = await daemon.command('status');
          return code !== 0 && / database {2}sqlite:\S+ 0 of 1 connected\n$/.test(stdout);
        });
        const { state, reason } = await daemon.backend('one');
        await sleep(4000);
        await lock.kill();
        await daemon.logs(/ ERROR cinder\.service .*\] Recovered model server connection!$/);
        await daemon.reportsAgain('one', 5000);
        await daemon.hasStates({ one: 'up' });

        assert.match(line, /model server went away/);
        assert.equal(state, 'down');
        assert.match(reason ?? '', /^no heartbeat: /);
        assert.equal(daemon.logged(/model server went away/).filter((each) => each.includes('] model')).length, 1);
        assert.ok(linesOf(daemon, pid, before).length < 20, linesOf(daemon, pid, before).join('\n'));
        assert.equal(await daemon.worker('one'), pid);
      },
    ),

    t.test(
      'what peers handed over in the database and could not send is looked for when that is back [manager 2.6, L-128]',
      async (t) => {
        const sections = { volume_daemon: { handover_grace: 1 } };
        const daemon = await aRunningDaemon(t, { backends: one, defaults, sections });
        const { id } = await daemon.ask('volume', 'create', '--size', '1', '--wait', 'demo');
        // The look that follows a start must be over: it would find the row as well.
        await sleep(4000);
        execute(join(daemon.folder, 'cinder.sqlite'), `update volumes set status = 'deleting' where id = '${id}'`);

        const lock = await lockDatabase(t, daemon.folder);
        await daemon.hasStates({ one: 'down' });
        await lock.kill();

        await daemon.logs(/ WARNING .*No message came for Volume \S+ in status deleting/);
        await eventually('the volume is deleted', () => {
          return daemon.rows(`select 1 from volumes where deleted and id = '${id}'`).length === 1;
        });
      },
    ),

    t.test(
      'the database is away at the start: it is waited for, and a signal ends the wait [A11, L-131, O-18]',
      async (t) => {
        const [daemon, impatient] = [aDaemon(t, { backends: one, defaults }), aDaemon(t, { backends: one, defaults })];
        const locks = await Promise.all([daemon, impatient].map(({ folder }) => lockDatabase(t, folder, 'everybody')));

        daemon.start();
        impatient.start();
        for (const each of [daemon, impatient]) {
          await each.logs(
            / WARNING oslo_db\.sqlalchemy\.engines .*\] SQL connection failed\. infinite attempts left\./,
          );
        }
        const { state, reason } = await daemon.backend('one');
        const begun = performance.now();
        const ended = await impatient.stop();
        const took = performance.now() - begun;
        await sleep(3000);
        for (const lock of locks) await lock.kill();
        await daemon.isUp();

        assert.equal(state, 'starting');
        assert.match(reason ?? '', /^database: /);
        assert.deepEqual(ended, { code: 0, signal: null });
        assert.ok(took < 5000, `${took} ms`);
        await daemon.reportsAgain('one');
        assert.ok(linesOf(daemon, await daemon.worker('one'), 0).length < 40);
      },
    ),

    t.test(
      'the broker stops: the heartbeat is withheld after its grace, and all is well again by itself [A11, L-130, O-10]',
      async (t) => {
        const daemon = await aRunningDaemon(t, {
          backends: one,
          defaults,
          sections: { volume_daemon: { rpc_lost_grace: 2 }, oslo_messaging_rabbit: { heartbeat_timeout_threshold: 4 } },
        });
        const pid = await daemon.worker('one');
        const { broker } = await daemon.status();
        assert.ok(broker.pid !== null);
        const before = linesOf(daemon, pid, 0).length;

        process.kill(broker.pid, 'SIGSTOP');
        const silent =
          / ERROR cinder\.service .*\] Manager for service cinder-volume labhost@one is reporting problems, not sending heartbeat\. Service will appear "down"\. \(no RPC consumer\)$/;
        await daemon.logs(silent, 40_000);
        const reports = daemon.reports('one');
        await sleep(2500);
        const later = daemon.reports('one');
        process.kill(broker.pid, 'SIGCONT');
        await daemon.isUp();
        await daemon.reportsAgain('one');

        assert.equal(later, reports);
        assert.equal(daemon.logged(silent).length, 1);
        assert.ok(linesOf(daemon, pid, before).length < 20, linesOf(daemon, pid, before).join('\n'));
        assert.equal(await daemon.worker('one'), pid);
        await daemon.does('volume', 'create', '--size', '1', '--wait', 'after');
      },
    ),

    t.test('the broker is killed: the next one takes its place and the worker reconnects [A11, L-131]', async (t) => {
      const daemon = await aRunningDaemon(t, { backends: one, defaults });
      const pid = await daemon.worker('one');
      const { broker } = await daemon.status();
      assert.ok(broker.pid !== null);
      const before = linesOf(daemon, pid, 0).length;

      process.kill(broker.pid, 'SIGKILL');
      const reconnected = await daemon.logs(
        / INFO oslo\.messaging\._drivers\.impl_rabbit .*Reconnected to AMQP server on /,
      );
      await daemon.isUp();
      await daemon.does('volume', 'create', '--size', '1', '--wait', 'after');

      assert.match(reconnected, /via \[amqp\] client with port \d+\.$/);
      assert.ok(linesOf(daemon, pid, before).length < 20);
      assert.equal(await daemon.worker('one'), pid);
    }),

    t.test(
      'the broker is away at the start: the worker says so, waits, and ends when it is told [A11, L-131, L-177]',
      async (t) => {
        const away = { ...defaults, transport_url: 'rabbit://nobody:nothing@127.0.0.1:9/' };
        const daemon = aDaemon(t, { backends: one, defaults: away });

        await daemon.does('db', 'sync');
        daemon.start();
        await daemon.logs(
          / ERROR oslo\.messaging\._drivers\.impl_rabbit .*\] Connection failed: 127\.0\.0\.1:9: .*retrying in \d+ seconds/,
        );
        await eventually('the state says why', async () => {
          const { state, reason } = await daemon.backend('one');
          return state === 'starting' && /^no RPC consumer: /.test(reason ?? '');
        });
        await sleep(2500);
        const reports = daemon.reports('one');
        const begun = performance.now();
        const ended = await daemon.stop();

        assert.deepEqual(ended, { code: 0, signal: null });
        assert.ok(performance.now() - begun < 4000);
        assert.ok(Number.isNaN(reports) || reports <= 3, `${reports}`);
        assert.equal(daemon.logged(/first capability report/).length, 0);
      },
    ),
  ]);
});
