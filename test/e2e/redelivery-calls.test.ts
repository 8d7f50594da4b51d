import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { silent } from '../../src/base/log.ts';
import { volumeArgs } from '../../src/cli/requests.ts';
import { openDatabase } from '../../src/db/database.ts';
import { poolHost, serviceHost } from '../../src/objects/host.ts';
import { openClient } from '../support/client.ts';
import { databaseOptions } from '../support/database.ts';
import { field } from '../support/endpoint.ts';
import { FakeScene } from '../support/fake-scene.ts';
import { aLogger } from '../support/recording-logger.ts';

// A repeatable call may be executed again by the next worker, but its caller, who outlives the fault, has one answer.

interface Caller {
  readonly id: string;
  call(): Promise<unknown>;
  /** Answers beyond the one that was waited for. */
  surplus(): number;
}

const faults: Readonly<Record<string, { strike(scene: FakeScene): Promise<void>; readonly again: boolean }>> = {
  'kill -9 of the worker': { strike: (scene) => scene.signalWorker('SIGKILL'), again: true },
  'a cut connection': { strike: (scene) => scene.tap('cut'), again: false },
  'kill -9 of the broker': { strike: (scene) => scene.killBroker(), again: false },
};

for (const [fault, { strike, again }] of Object.entries(faults)) {
  test(`${fault} at each arrow of a repeatable call: its caller has one answer [R-01, R-05, R-08, R-15, R-19]`, async (t) => {
    const scene = await FakeScene.open(
      t,
      { fake_delay: 'initialize_connection:1' },
      { executor_thread_pool_size: 1, report_interval: 1 },
    );

    await t.test('that waits for a slot', async (t) => {
      const [before, waiting] = [await aCaller(t, scene), await aCaller(t, scene)];
      const first = before.call();
      await scene.begins('initialize_connection', before.id);
      const second = waiting.call();
      await sleep(200);

      await strike(scene);

      await hasAnswer(scene, before, first, again ? 2 : 1);
      await hasAnswer(scene, waiting, second, 1);
    });

    await t.test('that runs', async (t) => {
      const caller = await aCaller(t, scene);
      const answer = caller.call();
      await scene.begins('initialize_connection', caller.id);

      await strike(scene);

      await hasAnswer(scene, caller, answer, again ? 2 : 1);
    });

    await t.test('that has run, with its answer on the way', async (t) => {
      const caller = await aCaller(t, scene);
      const answer = caller.call();
      await scene.begins('initialize_connection', caller.id);
      await scene.tap('hold');
      await scene.ends('initialize_connection', caller.id);
      await sleep(200);

      await strike(scene);
      await sleep(100);
      await scene.tap('flow').catch(() => {});

      await hasAnswer(scene, caller, answer, again ? 2 : 1);
    });
  });
}

async function hasAnswer(scene: FakeScene, caller: Caller, answer: Promise<unknown>, runs: number): Promise<void> {
  assert.equal(field(await answer, 'driver_volume_type'), 'iscsi');
  await scene.daemon.isUp();
  await sleep(500);
  assert.equal(caller.surplus(), 0);
  assert.equal(scene.count('initialize_connection', caller.id), runs);
}

/** A peer with a volume that it wants to be connected to. */
async function aCaller(t: TestContext, { daemon }: FakeScene): Promise<Caller> {
  const { host } = await daemon.backend('fake1');
  const db = await openDatabase(`sqlite:///${join(daemon.folder, 'cinder.sqlite')}`, databaseOptions(), {
    logger: silent,
  });
  t.after(() => db[Symbol.asyncDispose]());
  const id = randomUUID();
  const [node = '', backend = ''] = host.split('@');
  const place = poolHost(serviceHost(node, backend), 'fake');
  await db.volumes.create({ id, size: 1, status: 'available', attach_status: 'detached', host: place });
  const volume = await db.volumes.get(id);
  if (volume === undefined) throw new Error('the row is gone');
  const log = aLogger();
  const client = await openClient(daemon, () => log);
  t.after(() => client.close());
  const args = volumeArgs(volume, { connector: { host: 'compute1', initiator: 'iqn.1993-08.org.debian:01:1' } });
  return {
    id,
    call: () => client.call(host, 'initialize_connection', args),
    surplus: () => log.lines.filter((line) => line.includes('No calling threads waiting for msg_id')).length,
  };
}
