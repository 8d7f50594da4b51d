import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceState } from '../../src/service/state.ts';

const driver = { name: 'FileDriver', version: '1.0.0', initialized: true };

test('a driver that took its time leaves the RPC server the whole grace to get its consumer [L-130]', async () => {
  const state = new ServiceState(() => {});

  await sleep(600);
  state.set({ database: undefined, driver, driverTried: true });
  state.set({ consuming: false });

  assert.equal(state.trouble(500), undefined);
});

test('without a consumer for longer than the grace there is no heartbeat, and with one there is again [L-130]', async () => {
  const state = new ServiceState(() => {});
  state.set({ database: undefined, driver, driverTried: true, consuming: true });

  state.set({ consuming: false });
  await sleep(5);

  assert.equal(state.trouble(1), 'no RPC consumer');
  state.set({ consuming: true });
  assert.equal(state.trouble(1), undefined);
});
