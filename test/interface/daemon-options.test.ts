import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { serviceGroup } from '../../src/interface/daemon-options.ts';
import { configurationOf } from '../support/configuration.ts';

test('a service that nobody configured has the defaults of upstream [L-080]', (t) => {
  const values = configurationOf(t, '[DEFAULT]\n', { groups: [serviceGroup], backend: [] }).values(serviceGroup);

  const { host, volume_manager, report_interval, periodic_interval, periodic_fuzzy_delay } = values;
  assert.equal(host ?? hostname(), hostname());
  assert.equal(volume_manager, 'cinder.volume.manager.VolumeManager');
  assert.deepEqual([report_interval, periodic_interval, periodic_fuzzy_delay], [10, 60, 60]);
});
