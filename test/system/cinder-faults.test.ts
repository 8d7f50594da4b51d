import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { mismatches, outcomeOf, prepareBurst, stuck, wholeBurst } from '../support/burst.ts';
import { eventually } from '../support/eventually.ts';
import { aroundTheDaemon, type WholeCinder } from '../support/whole-cinder.ts';

/** What happens in the middle of a burst; everything stands again when it resolves. */
interface Fault {
  readonly name: string;
  readonly ids: string;
  happens(whole: WholeCinder): Promise<void>;
}

const faults: readonly Fault[] = [
  {
    name: 'the daemon is stopped by SIGTERM and started again',
    ids: 'O-01, R-14',
    async happens({ daemon }) {
      assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
      await daemon.startUp();
    },
  },
  {
    name: 'the supervisor is killed, and started again',
    ids: 'O-22, R-15',
    async happens({ daemon }) {
      await daemon.stop('SIGKILL');
      await eventually('its workers are gone', async () => daemon.processes().length === 0, 60_000);
      await daemon.startUp();
    },
  },
  {
    name: 'each worker is killed',
    ids: 'O-22, R-15',
    async happens({ daemon }) {
      for (const { pid } of (await daemon.status()).backends) if (pid !== null) process.kill(pid, 'SIGKILL');
      await daemon.isUp();
    },
  },
  {
    name: 'the broker is away for 20 s',
    ids: 'L-130, R-09, manager 2.6',
    async happens({ broker }) {
      await broker.stop();
      await sleep(20_000);
      await broker.start();
    },
  },
  {
    name: 'the database is away for 20 s',
    ids: 'L-128, R-12, manager 2.6',
    async happens({ database }) {
      database.signal('SIGTERM');
      await database.gone();
      await sleep(20_000);
      await database.start();
    },
  },
  {
    name: 'broker and database are killed and come back',
    ids: 'L-131, R-12, R-15, manager 2.6',
    async happens({ broker, database }) {
      database.signal('SIGKILL');
      await Promise.all([broker.stop('SIGKILL'), database.gone()]);
      await Promise.all([broker.start(), database.start()]);
    },
  },
  {
    name: 'the queues are deleted under everybody',
    ids: 'M-44, M-47, manager 2.6',
    async happens({ broker, host, backends }) {
      for (const backend of backends) await broker.ctl('delete_queue', `cinder-volume.${host}@${backend}.${host}`);
    },
  },
];

for (const durable of [false, true]) {
  const kind = durable ? 'durable queues' : 'transient queues';
  const defaults = { service_down_time: 20, report_interval: 5 };
  const volume_daemon = { handover_grace: 10 };
  const sections = durable
    ? { volume_daemon, oslo_messaging_rabbit: { amqp_durable_queues: true } }
    : { volume_daemon };
  const options = { broker: '3', database: 'mariadb', defaults, sections } as const;
  aroundTheDaemon(`a burst of requests, with ${kind}`, options, (whole) => {
    for (const { name, ids, happens } of faults) {
      test(`${kind}: ${name}: every request ends, none runs twice, no file is lost [${ids}]`, async (t) => {
        const { cinder } = whole();
        const fire = await prepareBurst(cinder);

        let happened: Promise<void> | undefined;
        const burst = await fire(() => {
          happened = happens(whole());
        });
        await happened;
        await eventually('the API answers', async () => (await cinder.get('/types')).status === 200, 90_000, 100);
        const outcome = await outcomeOf(cinder, burst, 120_000);
        const wrong = await mismatches(whole());

        t.diagnostic(`${name}, ${kind}: ${JSON.stringify(outcome)}, refused by the API: ${burst.refused}`);
        assert.equal(stuck(outcome), 0, JSON.stringify(outcome));
        assert.deepEqual(wrong, { files: [], rows: [] });
        assert.ok(burst.refused <= wholeBurst.creates + wholeBurst.deletes + wholeBurst.extends + wholeBurst.snapshots);
      });
    }
  });
}
