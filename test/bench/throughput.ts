import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { silent } from '../../src/base/log.ts';
import { createArgs, volumeArgs } from '../../src/cli/requests.ts';
import { openDatabase } from '../../src/db/database.ts';
import type { Database } from '../../src/interface/database.ts';
import { poolHost, serviceHost } from '../../src/objects/host.ts';
import { openClient } from '../support/client.ts';
import type { Daemon } from '../support/daemon.ts';
import { databaseOptions } from '../support/database.ts';
import { many, median, type Row, timed, times, withDaemon } from './measure.ts';

type Client = Awaited<ReturnType<typeof openClient>>;

/** Calls by RPC to one worker of the running daemon. */
export async function* throughputRows(): AsyncGenerator<Row> {
  const { trips, rates, pairs } = await withDaemon({}, async (daemon) => {
    await daemon.startUp();
    const { host } = await daemon.backend('file1');
    const client = await openClient(daemon);
    const ask = () => client.call(host, 'get_capabilities', { discover: false });
    await many(500, 16, ask);
    const trips = await times(5, async () => median(await times(400, () => timed(ask))));
    const rates = await times(5, async () => (5000 / (await timed(() => many(5000, 64, ask)))) * 1000);
    const pairs = await pairsPerSecond(daemon, client, host);
    await client.close();
    return { trips, rates, pairs };
  });
  yield { what: 'get_capabilities, round trip, p50 at 1 in flight', aim: '<= 1.5 ms', unit: 'ms', samples: trips };
  yield { what: 'get_capabilities, calls a second at 64 in flight', aim: '>= 2000', unit: '/s', samples: rates };
  yield { what: 'create and delete of 1 GiB sparse, pairs/s, 16 in flight', aim: '>= 150', unit: '/s', samples: pairs };
}

async function pairsPerSecond(daemon: Daemon, client: Client, host: string): Promise<number[]> {
  const url = `sqlite:///${join(daemon.folder, 'cinder.sqlite')}`;
  const db = await openDatabase(url, databaseOptions(), { logger: silent });
  try {
    await many(50, 16, () => pair(db, client, host));
    return await times(5, async () => (400 / (await timed(() => many(400, 16, () => pair(db, client, host))))) * 1000);
  } finally {
    await db[Symbol.asyncDispose]();
  }
}

/** The row of a new volume, the call that makes it, and the call that deletes it. */
async function pair(db: Database, client: Client, host: string): Promise<void> {
  const [node = '', backend = ''] = host.split('@');
  const id = randomUUID();
  const owner = { user_id: 'bench', project_id: 'bench' };
  const place = poolHost(serviceHost(node, backend), backend);
  await db.volumes.create({ id, size: 1, status: 'creating', attach_status: 'detached', host: place, ...owner });
  const made = await db.volumes.get(id);
  if (made === undefined) throw new Error('the row is gone');
  await client.call(host, 'create_volume', createArgs(made));
  await db.volumes.update(id, { status: 'deleting' });
  const going = await db.volumes.get(id);
  if (going === undefined) throw new Error('the volume is gone');
  await client.call(host, 'delete_volume', volumeArgs(going, { unmanage_only: false, cascade: false }));
}
