import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { SnapshotIsBusy, TargetUpdateFailed } from '../../src/objects/exceptions.ts';
import { snapshotCodec } from '../../src/objects/snapshot.ts';
import { volumeCodec } from '../../src/objects/volume.ts';
import { snapshotKey } from '../../src/volume/resources.ts';
import { gate } from '../support/endpoint.ts';
import { eventually } from '../support/eventually.ts';
import { aVolume, send, type TestManager, testManager } from '../support/manager.ts';

async function extension(
  manager: TestManager,
  id: string,
  new_size: unknown,
  reservations: string[] = [],
): Promise<unknown> {
  const volume = await manager.db.volumes.get(id);
  return send(manager, 'extend_volume', { volume: volumeCodec.encode(volume ?? { id }), new_size, reservations });
}

test('an extended volume has its new size, and its reservation is used up [manager 8.1]', async () => {
  await using manager = await testManager();
  const volume = aVolume({ status: 'extending' });
  await manager.db.volumes.create(volume);
  const reservations = await manager.db.quotas.reserve({ gigabytes: 4 }, 'p1');

  await extension(manager, volume.id, 5, [...reservations]);

  const row = await manager.db.volumes.get(volume.id);
  assert.deepEqual([row?.size, row?.status], [5, 'available']);
  await assert.rejects(manager.db.quotas.reserve({ gigabytes: 996 }, 'p1'), { name: 'OverQuota' });
});

test('a failing extend is in error_extending with a message, and gives its reservation back [manager 8.1]', async () => {
  await using manager = await testManager({
    extendVolume: async () => {
      throw new Error('no space');
    },
  });
  const volume = aVolume({ status: 'extending' });
  await manager.db.volumes.create(volume);
  const reservations = await manager.db.quotas.reserve({ gigabytes: 900 }, 'p1');

  await extension(manager, volume.id, 901, [...reservations]);

  const row = await manager.db.volumes.get(volume.id);
  assert.deepEqual([row?.size, row?.status], [1, 'error_extending']);
  assert.equal((await manager.db.messages.ofResource(volume.id))[0]?.detail_id, '010');
  await manager.db.quotas.reserve({ gigabytes: 900 }, 'p1');
});

test('the servers of an extended volume are told by Nova; where it cannot be asked, the user is told [manager 8.1, manager 16]', async () => {
  const told: unknown[] = [];
  const compute = {
    swapVolume: async () => {},
    tellServers: async (event: string, id: string, servers: readonly string[]) => {
      told.push([event, id, servers]);
      if (told.length > 1) throw new Error('no Nova');
    },
  };
  await using manager = await testManager({}, { compute });
  const volume = aVolume({ status: 'extending' });
  await manager.db.volumes.create(volume);
  const server = randomUUID();
  for (const instance_uuid of [server, null]) {
    await manager.db.attachments.create({ id: randomUUID(), volume_id: volume.id, instance_uuid });
  }
  const messages = () => manager.db.messages.ofResource(volume.id);

  await extension(manager, volume.id, 2);
  const afterOne = (await messages()).length;
  await manager.db.volumes.update(volume.id, { status: 'extending' });
  await extension(manager, volume.id, 3);

  assert.deepEqual(told, Array(2).fill(['volume-extended', volume.id, [server]]));
  const row = await manager.db.volumes.get(volume.id);
  assert.deepEqual([row?.size, row?.status, afterOne], [3, 'in-use', 0]);
  assert.deepEqual(
    (await messages()).map(({ action_id, detail_id }) => [action_id, detail_id]),
    [['007', '009']],
  );
});

test('Nova hears of it when all of ours is done, as it does from later releases [manager 8.1, manager 19]', async () => {
  const order: string[] = [];
  const compute = { tellServers: async () => void order.push('Nova'), swapVolume: async () => {} };
  const notifier = {
    enabled: true,
    info: async (_: unknown, _publisher: string, event: string) => void order.push(event),
  };
  await using manager = await testManager({}, { compute, notifier });
  const volume = aVolume({ status: 'extending' });
  await manager.db.volumes.create(volume);
  await manager.db.attachments.create({ id: randomUUID(), volume_id: volume.id, instance_uuid: randomUUID() });

  await extension(manager, volume.id, 2);

  assert.deepEqual(order, ['volume.resize.start', 'volume.resize.end', 'Nova']);
});

test('a target that still shows the old size is no failure [manager 8.1]', async () => {
  await using manager = await testManager({
    extendVolume: async ({ id }) => {
      throw new TargetUpdateFailed({ volume_id: id });
    },
  });
  const volume = aVolume({ status: 'extending' });
  await manager.db.volumes.create(volume);

  await extension(manager, volume.id, 2);

  assert.equal((await manager.db.volumes.get(volume.id))?.status, 'available');
});

test('a dropped extend gives back the reservation that its message carries [R-10]', async () => {
  await using manager = await testManager();
  const volume = aVolume({ status: 'available' });
  await manager.db.volumes.create(volume);
  const reservations = await manager.db.quotas.reserve({ gigabytes: 900 }, 'p1');

  assert.equal(await extension(manager, volume.id, 901, [...reservations]), undefined);

  await manager.db.quotas.reserve({ gigabytes: 900 }, 'p1');
  assert.equal((await manager.db.volumes.get(volume.id))?.size, 1);
});

test('a size that is none is refused before anything is claimed [rpc 2.1]', async () => {
  await using manager = await testManager();
  const volume = aVolume({ status: 'extending' });
  await manager.db.volumes.create(volume);

  for (const size of [0, -1, '1.5', 1e12, 'big', null]) {
    await assert.rejects(extension(manager, volume.id, size), { name: 'ValueError' }, String(size));
  }
});

async function withSnapshot(manager: TestManager, status: 'creating' | 'deleting') {
  const volume = aVolume({ status: 'available' });
  const snapshot = { id: randomUUID(), volume_id: volume.id, volume_size: 1, status, project_id: 'p1' };
  await manager.db.volumes.create(volume);
  await manager.db.snapshots.create(snapshot);
  return { volume, snapshot, message: { snapshot: snapshotCodec.encode(snapshot) } };
}

test('a snapshot becomes available at 100% [manager 6.1]', async () => {
  await using manager = await testManager();
  const { snapshot, message } = await withSnapshot(manager, 'creating');

  await send(manager, 'create_snapshot', message);

  const row = await manager.db.snapshots.get(snapshot.id);
  assert.deepEqual([row?.status, row?.progress], ['available', '100%']);
  assert.equal(await manager.db.workers.find(snapshotKey(snapshot.id)), undefined);
});

test('a snapshot that fails is in error with a message [manager 6.1]', async () => {
  await using manager = await testManager({
    createSnapshot: async () => {
      throw new Error('attached');
    },
  });
  const { snapshot, message } = await withSnapshot(manager, 'creating');

  await assert.rejects(send(manager, 'create_snapshot', message), /attached/);

  assert.equal((await manager.db.snapshots.get(snapshot.id))?.status, 'error');
  assert.equal((await manager.db.messages.ofResource(snapshot.id))[0]?.detail_id, '013');
});

test('a deleted snapshot is gone; a busy one is available again, a failing one in error_deleting [manager 6.2]', async () => {
  const answers = [undefined, new SnapshotIsBusy({ snapshot_name: 's' }), new Error('sulking')];
  await using manager = await testManager({
    deleteSnapshot: async () => {
      const answer = answers.shift();
      if (answer) throw answer;
    },
  });
  const outcomes = [];
  for (let round = 0; round < 3; round++) {
    const { snapshot, message } = await withSnapshot(manager, 'deleting');
    await send(manager, 'delete_snapshot', message).catch(() => {});
    outcomes.push((await manager.db.snapshots.get(snapshot.id))?.status);
  }

  assert.deepEqual(outcomes, [undefined, 'available', 'error_deleting']);
});

test('a dropped extend gives its reservation back, a copy of one that runs does not [R-04, R-10]', async () => {
  const running = gate();
  await using manager = await testManager({ extendVolume: () => running.passed });
  const [volume, late] = [aVolume({ status: 'extending' }), aVolume({ status: 'available' })];
  await manager.db.volumes.create(volume);
  await manager.db.volumes.create(late);
  const reservations = [...(await manager.db.quotas.reserve({ gigabytes: 900 }, 'p1'))];
  const forLate = [...(await manager.db.quotas.reserve({ gigabytes: 98 }, 'p1'))];

  const first = extension(manager, volume.id, 901, reservations);
  await eventually('it runs', () => manager.calls.length === 1);
  await extension(manager, volume.id, 901, reservations);
  await extension(manager, late.id, 99, forLate);
  running.open();
  await first;

  assert.equal((await manager.db.volumes.get(volume.id))?.size, 901);
  await assert.rejects(manager.db.quotas.reserve({ gigabytes: 99 }, 'p1'), { name: 'OverQuota' });
  await manager.db.quotas.reserve({ gigabytes: 98 }, 'p1');
});
