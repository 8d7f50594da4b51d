import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { silent } from '../../src/base/log.ts';
import { createArgs, volumeArgs } from '../../src/cli/requests.ts';
import { openDatabase } from '../../src/db/database.ts';
import type { Database } from '../../src/interface/database.ts';
import { poolHost, serviceHost } from '../../src/objects/host.ts';
import { many, median, timed } from '../bench/measure.ts';
import { accepted } from '../support/cinder.ts';
import { databaseOptions } from '../support/database.ts';
import { aType } from '../support/deployment.ts';
import { eventually } from '../support/eventually.ts';
import type { CinderBase } from '../support/whole-cinder.ts';
import { Caller, host, type Running, type Shares, type Side, startSide, workerOf } from './side.ts';
import { connectionsOf, cpuOf, memoryOf, treeOf, wakeUpsOf } from './tree.ts';

export type Figures = Map<string, number>;

/** Everything that is measured of one side, in one go; `note` hears each figure as it comes. */
export async function measure(side: Side, base: CinderBase, shares: Shares, note: (line: string) => void) {
  const figures: Figures = new Map();
  const set = (name: string, value: number): void => {
    figures.set(name, value);
    note(`${side}: ${name}: ${value.toFixed(value < 10 ? 2 : 0)}`);
  };
  const caller = new Caller(base.transportUrl);
  const db = await openDatabase(base.databaseUrl, databaseOptions(), { logger: silent });
  try {
    for (const count of [1, 4, 16]) await starts(count);
    await atWork();
  } finally {
    await caller.bus.close();
    await db[Symbol.asyncDispose]();
  }
  return figures;

  async function starts(count: number): Promise<void> {
    const begun = performance.now();
    const running = startSide(side, count, base, shares);
    try {
      await Promise.all(running.backends.map((backend) => caller.answers(backend)));
      set(`exec to answering, ${count} backends, ms`, performance.now() - begun);
      await sleep(15_000);
      set(`proportional memory, ${count} backends, MB`, memoryOf(running.pid));
      if (count === 4) await idle(running);
      set(`SIGTERM, idle, to exit, ${count} backends, ms`, await timed(() => running.stop()));
    } finally {
      await running.stop();
    }
  }

  async function idle(running: Running): Promise<void> {
    const before = [cpuOf(running.pid), wakeUpsOf(running.pid)] as const;
    await sleep(30_000);
    set('idle, 4 backends, CPU a minute, ms', (cpuOf(running.pid) - before[0]) * 2);
    set('idle, 4 backends, wake-ups a second', (wakeUpsOf(running.pid) - before[1]) / 30);
    set('connections to the broker, 4 backends', connectionsOf(running.pid, base.broker.port));
    set('connections to the database, 4 backends', connectionsOf(running.pid, base.database.port));
  }

  async function atWork(): Promise<void> {
    const running = startSide(side, 1, base, shares);
    const [backend = ''] = running.backends;
    try {
      await caller.answers(backend);
      await calls(running, backend);
      await casts(running, backend);
      await throughTheApi(backend);
      const worker = workerOf(running);
      const gone = timed(async () => {
        process.kill(worker, 'SIGKILL');
        await caller.answers(backend);
      });
      set('worker killed to answering, ms', await gone);
      await sleep(2000);
      const tree = treeOf(running.pid).filter((pid) => pid !== running.pid);
      const orphans = timed(async () => {
        running.signal('SIGKILL');
        while (tree.some((pid) => treeOf(pid).length > 0)) await sleep(5);
      });
      set('supervisor killed to workers gone, ms', await orphans);
    } finally {
      await running.stop();
    }
  }

  async function calls(running: Running, backend: string): Promise<void> {
    const ask = () => caller.call(backend, 'get_capabilities', { discover: false });
    await many(500, 16, ask);
    const count = 3000;
    const before = cpuOf(running.pid);
    const took = await timed(() => many(count, 16, ask));
    set('get_capabilities, 16 in flight, calls/s', (count / took) * 1000);
    set('get_capabilities, CPU a call, ms', (cpuOf(running.pid) - before) / count);
  }

  async function casts(running: Running, backend: string): Promise<void> {
    const ids = Array.from({ length: 100 }, () => randomUUID());
    const place = poolHost(serviceHost(host, backend), `127.0.0.1:/bench/${backend}`);
    for (const id of ids) await row(db, id, place);
    const made = await Promise.all(ids.map((id) => db.volumes.get(id)));
    await burst('create', 'available', async (at) => {
      const volume = made[at];
      if (volume !== undefined) await caller.cast(backend, 'create_volume', createArgs(volume));
    });
    for (const id of ids) await db.volumes.update(id, { status: 'deleting' });
    const going = await Promise.all(ids.map((id) => db.volumes.get(id)));
    await burst('delete', undefined, async (at) => {
      const volume = going[at];
      const more = { unmanage_only: false, cascade: false };
      if (volume !== undefined) await caller.cast(backend, 'delete_volume', volumeArgs(volume, more));
    });

    async function burst(what: string, status: string | undefined, send: (at: number) => Promise<void>): Promise<void> {
      const before = cpuOf(running.pid);
      const took = await timed(async () => {
        await Promise.all(ids.map((_, at) => send(at)));
        await until(async () => (await settled(ids, status)).length === ids.length);
      });
      set(`${what}, 100 at once, per second`, (ids.length / took) * 1000);
      set(`${what}, CPU each, ms`, (cpuOf(running.pid) - before) / ids.length);
    }
  }

  /** Those of the volumes that are in a status, or gone. */
  async function settled(ids: readonly string[], status: string | undefined): Promise<string[]> {
    const list = ids.map((id) => `'${id}'`).join(',');
    const state = status === undefined ? 'deleted <> 0' : `deleted = 0 and status = '${status}'`;
    const rows = await base.database.admin(`select id from volumes where id in (${list}) and ${state}`, 'cinder');
    return rows.map(({ id }) => String(id));
  }

  async function throughTheApi(backend: string): Promise<void> {
    const type = await aType(base.cinder, backend);
    const one = async (): Promise<Asked> => {
      const at = performance.now();
      const body = { volume: { size: 1, volume_type: type.id } };
      return { id: accepted(await base.cinder.post('/volumes', body)).volume.id, at };
    };
    const single: number[] = [];
    for (let round = 0; round < 15; round++) {
      const { id, at } = await one();
      await until(async () => (await settled([id], 'available')).length === 1);
      single.push(performance.now() - at);
    }
    set('through the API, one at a time, POST to available, p50, ms', median(single));
    const seen = new Map<string, number>();
    const asked: readonly Asked[] = await Promise.all(Array.from({ length: 100 }, one));
    await until(async () => {
      const now = performance.now();
      const open = asked.filter(({ id }) => !seen.has(id));
      for (const id of await settled(
        open.map(({ id }) => id),
        'available',
      ))
        seen.set(id, now);
      return seen.size === asked.length;
    });
    set(
      'through the API, 100 at once, POST to available, p50, ms',
      median(asked.map(({ id, at }) => (seen.get(id) ?? 0) - at)),
    );
    for (const { id } of asked) await base.cinder.delete(`/volumes/${id}`);
    await until(
      async () =>
        (
          await settled(
            asked.map(({ id }) => id),
            undefined,
          )
        ).length === asked.length,
    );
  }
}

async function row(db: Database, id: string, place: ReturnType<typeof poolHost>): Promise<void> {
  const owner = { user_id: 'bench', project_id: 'bench' };
  await db.volumes.create({ id, size: 1, status: 'creating', attach_status: 'detached', host: place, ...owner });
}

function until(holds: () => Promise<boolean>): Promise<boolean> {
  return eventually('the daemon is done', holds, 180_000, 15);
}

/** A volume that was asked for, and when. */
interface Asked {
  readonly id: string;
  readonly at: number;
}
