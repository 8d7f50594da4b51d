import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterInit, initHost } from '../../src/volume/init-host.ts';
import { aVolume, testManager } from '../support/manager.ts';

const never = new AbortController().signal;

test('set-up counts what lives here, exports what is in use again, and reports [manager 2.2]', async () => {
  await using manager = await testManager();
  const used = aVolume({ status: 'in-use', size: 2 });
  const idle = aVolume({ status: 'available', size: 5 });
  const unborn = aVolume({ status: 'creating', size: 50 });
  for (const volume of [used, idle, unborn]) await manager.db.volumes.create(volume);
  let initialized = 0;

  await initHost(
    manager,
    { initialized: () => initialized++, failed: () => {} },
    { asked: () => new Promise(() => {}) },
    never,
  );
  await afterInit(manager, true, never);

  assert.equal(initialized, 1);
  assert.deepEqual(manager.calls, [`ensureExport ${used.id}`]);
  const [stats] = manager.reported as { pools: { allocated_capacity_gb: number }[] }[];
  assert.equal(stats?.pools[0]?.allocated_capacity_gb, 7);
  assert.equal((await manager.db.services.get(manager.service.id))?.replication_status, 'disabled');
});

test('an export that cannot be made again puts its volume into error and stops nothing [manager 2.2 g]', async () => {
  await using manager = await testManager({
    ensureExport: async () => {
      throw new Error('tgtd is away');
    },
  });
  const used = aVolume({ status: 'in-use' });
  await manager.db.volumes.create(used);

  await initHost(manager, { initialized() {}, failed() {} }, { asked: () => new Promise(() => {}) }, never);

  assert.equal((await manager.db.volumes.get(used.id))?.status, 'error');
});

test('a driver that fails is tried again until it works, at once when somebody asks [L-121]', async () => {
  let tries = 0;
  await using manager = await testManager({
    doSetup: async () => {
      if (++tries < 3) throw new Error('not yet');
    },
  });
  const waits: number[] = [];
  let initialized = false;

  await initHost(
    manager,
    { initialized: () => (initialized = true), failed: (_error, wait) => waits.push(wait) },
    { asked: async () => {} },
    never,
  );

  assert.ok(initialized);
  assert.deepEqual(waits, [1_000, 2_000]);
});
