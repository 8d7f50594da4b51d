import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adminContext } from '../../src/objects/context.ts';
import { publishCapabilities } from '../../src/volume/capabilities.ts';
import { recordedLogs } from '../support/logs.ts';
import { testManager } from '../support/manager.ts';

test('that no report leaves is one warning an outage, without a stack [G-062, scheduler-stats 3]', async () => {
  const { logs, lines } = recordedLogs();
  let away = true;
  const scheduler = {
    createVolume: async () => {},
    reportCapabilities: async () => {
      if (away) throw new Error('no connection to the broker');
    },
  };
  await using manager = await testManager({}, { scheduler, log: logs('cinder.volume.manager') });
  const publish = async (times: number): Promise<void> => {
    for (let count = 0; count < times; count++) {
      await publishCapabilities(manager, adminContext(), new AbortController().signal);
    }
  };
  const told = () => lines.filter(({ level }) => level !== 'DEBUG');

  await publish(3);
  assert.deepEqual(
    told().map(({ level, text, error }) => [level, text, error]),
    [
      [
        'WARNING',
        'The schedulers keep the capabilities that they know of for now: no connection to the broker',
        undefined,
      ],
    ],
  );
  away = false;
  await publish(1);
  assert.equal(told().length, 1);
  away = true;
  await publish(2);

  assert.equal(told().length, 2);
});
