import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecoveryLoop } from '../../src/service/recovery-loop.ts';
import { volumeKey } from '../../src/volume/resources.ts';
import { gate } from '../support/endpoint.ts';
import { eventually } from '../support/eventually.ts';
import { aVolume, testManager } from '../support/manager.ts';

const quiet = { breaks: () => 0, isEmpty: async () => true };

test('the lock of a predecessor is waited for, also where it left nothing to clean up [R-06]', async () => {
  await using manager = await testManager();
  const loop = new RecoveryLoop(manager, manager.log, quiet);
  let asked = 0;
  const lock = {
    held: false,
    async wait() {
      asked += 1;
      lock.held = true;
    },
  };

  await loop.ownRows(false, lock, AbortSignal.timeout(5000));

  assert.equal(asked, 1);
});

test('a lost request that takes long does not keep later ones from being found, and a drain waits for it [manager 2.6]', async () => {
  const making = gate();
  await using manager = await testManager({
    createVolume: async () => {
      await making.passed;
      return {};
    },
  });
  manager.settings = { ...manager.settings, handover_grace: 0.01 };
  const stop = new AbortController();
  const loop = new RecoveryLoop(manager, manager.log, quiet);
  loop.lookAtAll();
  const long = aVolume({ admin_metadata: { create_request: 'raw' } });
  await manager.db.volumes.create(long);
  const running = loop.handOvers(() => 20, stop.signal);
  await eventually('the long one runs', () => manager.calls.includes(`createVolume ${long.id}`));

  const late = aVolume({ status: 'deleting' });
  await manager.db.volumes.create(late);
  await manager.db.workers.handOver(volumeKey(late.id), 'deleting');
  await eventually('the late one is deleted', async () => !(await manager.db.volumes.get(late.id)), 20_000);

  stop.abort();
  making.open();
  await running;
  assert.equal((await manager.db.volumes.get(long.id))?.status, 'available');
});
