import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openClient } from '../support/client.ts';
import { clientCommand } from '../support/client-command.ts';
import type { CommandResult } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { FakeScene } from '../support/fake-scene.ts';

// Every arrow of R-01, receive -> slot -> decode -> record -> accept -> execute -> reply, meets every fault. Decoding cannot
// be stopped: it happens in the same turn as the record begins.

/** A create that stands at an arrow. */
interface Stopped {
  readonly id: string;
  /** What the driver is asked for. */
  readonly method: string;
  /** How often after kill -9 of the worker: once more where it had begun. */
  readonly afterKill: 1 | 2;
  readonly ended: Promise<CommandResult>;
  /** Takes away what stopped it. */
  release(): void | Promise<void>;
}

type Arrow = (scene: FakeScene) => Promise<Stopped>;

const arrows: Readonly<Record<string, Arrow>> = {
  async 'waits for a slot'(scene) {
    const before = await create(scene);
    await scene.begins('create_volume', before.id);
    const waiting = await create(scene);
    await sleep(200);
    return { ...waiting, afterKill: 1, ended: before.ended.then(() => waiting.ended), release() {} };
  },
  async 'is being recorded'(scene) {
    await scene.signalWorker('SIGSTOP');
    const created = await create(scene);
    const release = scene.lockDatabase();
    await scene.signalWorker('SIGCONT');
    await sleep(300);
    return { ...created, afterKill: 1, release };
  },
  async 'is recorded, and not accepted'(scene) {
    await scene.tap('hold');
    const created = await create(scene);
    await scene.begins('create_volume', created.id);
    return { ...created, afterKill: 2, release: () => scene.tap('flow').catch(() => {}) };
  },
  async 'is accepted, and not begun'(scene) {
    const source = await create(scene);
    await source.ended;
    const release = await scene.takeLock(`${source.id}-delete_volume`);
    const clone = await create(scene, ['--source', source.id]);
    await eventually('it is accepted', () => scene.rows.workers().some(({ service_id }) => service_id !== null));
    await sleep(200);
    return { ...clone, method: 'create_cloned_volume', afterKill: 1, release };
  },
  async runs(scene) {
    const created = await create(scene);
    await scene.begins('create_volume', created.id);
    return { ...created, afterKill: 2, release() {} };
  },
  async 'has run, and is not written'(scene) {
    const created = await create(scene);
    await scene.begins('create_volume', created.id);
    const release = scene.lockDatabase();
    await scene.ends('create_volume', created.id);
    return { ...created, afterKill: 2, release };
  },
};

const faults: Readonly<Record<string, (scene: FakeScene) => Promise<void>>> = {
  'kill -9 of the worker': (scene) => scene.signalWorker('SIGKILL'),
  'a cut connection': (scene) => scene.tap('cut'),
  'kill -9 of the broker': (scene) => scene.killBroker(),
  async 'a locked database'(scene) {
    // Where the arrow has locked it already, for longer.
    const unlock = scene.rows.isLocked() ? () => {} : scene.lockDatabase();
    await sleep(2000);
    unlock();
  },
};

for (const [fault, strike] of Object.entries(faults)) {
  test(`${fault} at each arrow: nothing is lost, and nothing done twice [R-01, R-07, R-08, R-09, R-12, R-15, M-64, O-22]`, async (t) => {
    const scene = await FakeScene.open(
      t,
      { fake_delay: 'create_volume:1' },
      { executor_thread_pool_size: 1, report_interval: 1 },
    );
    for (const [arrow, stop] of Object.entries(arrows)) {
      await t.test(`a create that ${arrow}`, async () => {
        const { id, method, afterKill, ended, release } = await stop(scene);

        await strike(scene);
        await sleep(100);
        await release();

        const { code, stderr } = await ended;
        assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
        await scene.atRest();
        assert.equal(scene.rows.volume(id)?.status, 'available');
        assert.equal(scene.count(method, id), fault === 'kill -9 of the worker' ? afterKill : 1);
        assert.equal(await waiting(scene), 0);
      });
    }
  });
}

/** Asks for a volume by the client command's own code, and waits until its row stands. */
async function create(
  { daemon, rows }: FakeScene,
  from: readonly string[] = ['--size', '1'],
): Promise<{ readonly id: string; readonly method: string; readonly ended: Promise<CommandResult> }> {
  const name = `v-${randomUUID()}`;
  const ended = clientCommand(daemon, [
    'volume',
    'create',
    '--backend',
    'fake1',
    ...from,
    '--wait',
    name,
    '-f',
    'json',
  ]);
  const row = await eventually('the row stands', () => rows.volumes(`display_name = '${name}'`)[0]);
  return { id: row.id, method: 'create_volume', ended };
}

/** Messages that are left at the broker. */
async function waiting({ daemon }: FakeScene): Promise<number> {
  const { host } = await daemon.backend('fake1');
  const client = await openClient(daemon);
  try {
    return await client.waiting(host);
  } finally {
    await client.close();
  }
}
