import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLocalTarget } from '../../src/targets/local.ts';
import { targetDriverConformance } from '../conformance/target-driver.ts';
import { aVolume } from '../support/resources.ts';

targetDriverConformance('local', async () => ({ target: createLocalTarget(), aFile: async () => '/srv/volume' }));

test('a connection is the path of the file [S-33, storage 2.3]', async () => {
  const volume = aVolume();

  const info = await createLocalTarget().initializeConnection(volume, '/srv/v', {}, new AbortController().signal);

  assert.deepEqual(info, { driver_volume_type: 'local', data: { device_path: '/srv/v', volume_id: volume.id } });
});
