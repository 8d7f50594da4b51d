import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Tables } from '../../src/interface/database.ts';
import type { Volume } from '../../src/objects/volume.ts';
import type { ClaimRequest } from '../../src/volume/claim.ts';
import { volumeKey } from '../../src/volume/resources.ts';
import { aVolume, type host, type TestManager, testManager } from '../support/manager.ts';

function createOf(id: string): ClaimRequest<Volume> {
  return {
    method: 'create_volume',
    key: volumeKey(id),
    load: (tx: Tables) => tx.volumes.get(id),
    expected: (volume) => volume.status === 'creating',
  };
}

async function otherService(manager: TestManager, binary: string, name: string): Promise<number> {
  const row = await manager.db.services.register({
    host: name as typeof host,
    binary,
    topic: binary,
    availability_zone: 'nova',
    disabled: false,
    cluster_name: null,
    rpc_current_version: '3.18',
    object_current_version: '1.39',
  });
  return row.id;
}

test('a first delivery claims a row that nobody holds, one of the scheduler, or makes its own [R-03, database 5.2]', async () => {
  await using manager = await testManager();
  const scheduler = await otherService(manager, 'cinder-scheduler', 'node1');
  const without = aVolume();
  const handedOver = aVolume();
  const scheduled = aVolume();
  for (const volume of [without, handedOver, scheduled]) await manager.db.volumes.create(volume);
  await manager.db.workers.handOver(volumeKey(handedOver.id), 'creating');
  await manager.db.workers.insert(volumeKey(scheduled.id), 'creating', scheduler);

  for (const { id } of [without, handedOver, scheduled]) {
    const held = await manager.claims.take(createOf(id));
    assert.equal(held?.resource.id, id);
    assert.equal((await manager.db.workers.find(volumeKey(id)))?.service_id, manager.service.id);
  }
});

test('what another cinder-volume works on is left to it, unless its service is deleted [R-04]', async () => {
  await using manager = await testManager();
  const other = await otherService(manager, 'cinder-volume', 'node2@lvm');
  const volume = aVolume();
  await manager.db.volumes.create(volume);
  await manager.db.workers.insert(volumeKey(volume.id), 'creating', other);

  assert.equal(await manager.claims.take(createOf(volume.id)), undefined);
  assert.equal((await manager.db.workers.find(volumeKey(volume.id)))?.service_id, other);
});

test('a second message for what runs here is dropped and changes nothing [R-08]', async () => {
  await using manager = await testManager();
  const volume = aVolume();
  await manager.db.volumes.create(volume);
  const held = await manager.claims.take(createOf(volume.id));
  const before = await manager.db.workers.find(volumeKey(volume.id));

  assert.equal(await manager.claims.take(createOf(volume.id)), undefined);

  assert.ok(held);
  assert.deepEqual(await manager.db.workers.find(volumeKey(volume.id)), before);
});

test('a row of ours that nobody here works on is left to the clean-up [R-07]', async () => {
  await using manager = await testManager();
  const volume = aVolume();
  await manager.db.volumes.create(volume);
  await manager.db.workers.insert(volumeKey(volume.id), 'creating', manager.service.id);

  assert.equal(await manager.claims.take(createOf(volume.id)), undefined);
  assert.ok(await manager.db.workers.find(volumeKey(volume.id)));
});

test('a late copy meets a final state: it is dropped, and a left-over row of ours goes [R-10]', async () => {
  await using manager = await testManager();
  const done = aVolume({ status: 'available' });
  const elsewhere = aVolume({ host: 'node1@lvm-2#pool' });
  const gone = aVolume();
  await manager.db.volumes.create(done);
  await manager.db.volumes.create(elsewhere);
  await manager.db.workers.insert(volumeKey(done.id), 'creating', manager.service.id);

  for (const { id } of [done, elsewhere, gone]) assert.equal(await manager.claims.take(createOf(id)), undefined);

  assert.equal(await manager.db.workers.find(volumeKey(done.id)), undefined);
  assert.equal((await manager.db.volumes.get(done.id))?.status, 'available');
  assert.equal((await manager.db.volumes.get(elsewhere.id))?.status, 'creating');
});

test('the end of an operation and the end of its claim are one transaction [R-01, database 5.4]', async () => {
  await using manager = await testManager();
  const volume = aVolume();
  await manager.db.volumes.create(volume);
  const held = await manager.claims.take(createOf(volume.id));
  assert.ok(held);

  await manager.claims.run(held, new AbortController().signal, (work) =>
    work.finish((tx) => tx.volumes.update(volume.id, { status: 'available' })),
  );

  assert.equal(await manager.db.workers.find(volumeKey(volume.id)), undefined);
  assert.equal(manager.claims.holds(volumeKey(volume.id)), false);
});

test('an operation that does not come to its end leaves its row [R-07]', async () => {
  await using manager = await testManager();
  const volume = aVolume();
  await manager.db.volumes.create(volume);
  const held = await manager.claims.take(createOf(volume.id));
  assert.ok(held);

  await assert.rejects(
    manager.claims.run(held, new AbortController().signal, async () => {
      throw new Error('power is gone');
    }),
  );

  assert.equal((await manager.db.workers.find(volumeKey(volume.id)))?.service_id, manager.service.id);
});

test('a request that takes the claim of a running operation stops it and waits for its end [R-18]', async () => {
  await using manager = await testManager();
  const volume = aVolume();
  await manager.db.volumes.create(volume);
  const key = volumeKey(volume.id);
  const seen: string[] = [];
  const first = await manager.claims.take(createOf(volume.id));
  assert.ok(first);
  const running = manager.claims.run(first, new AbortController().signal, async ({ signal }) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    await sleep(10);
    seen.push('first ended');
  });

  await manager.db.workers.handOver(key, 'deleting');
  await manager.db.volumes.update(volume.id, { status: 'deleting' });
  const second = await manager.claims.take({
    ...createOf(volume.id),
    method: 'delete_volume',
    expected: (row) => row.status === 'deleting',
  });
  assert.ok(second);
  await manager.claims.run(second, new AbortController().signal, async (work) => {
    seen.push('second runs');
    await work.finish(async () => {});
  });
  await running;

  assert.deepEqual(seen, ['first ended', 'second runs']);
});
