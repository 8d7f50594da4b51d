import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silent } from '../../src/base/log.ts';
import { Heartbeat } from '../../src/service/heartbeat.ts';
import { aNewService, openTestDatabase } from '../support/database.ts';
import { aLogger } from '../support/recording-logger.ts';

test('reports that come at once count once, and are noted with the count that the row then has [R-06, L-125]', async (t) => {
  const db = await openTestDatabase(t);
  const service = await db.services.register(aNewService());
  const noted: number[] = [];
  const heartbeat = new Heartbeat(service, {
    db,
    log: silent,
    registration: () => aNewService(),
    trouble: () => undefined,
    note: async (count) => void noted.push(count),
    interval: () => 60_000,
    written: () => {},
    tried: () => {},
  });
  const { signal } = new AbortController();

  await Promise.all([heartbeat.beat(signal), heartbeat.beat(signal), heartbeat.beat(signal)]);
  assert.deepEqual([noted, (await db.services.get(service.id))?.report_count], [[1], 1]);
  await heartbeat.beat(signal);

  assert.deepEqual([noted, (await db.services.get(service.id))?.report_count], [[1, 2], 2]);
});

test('a trouble is told once a minute, also where its words differ each time; another one at once [L-126]', async (t) => {
  const db = await openTestDatabase(t);
  const log = aLogger();
  const troubles = ['driver not initialised: try 1', 'driver not initialised: try 2', 'no RPC consumer: x'];
  const heartbeat = new Heartbeat(await db.services.register(aNewService()), {
    db,
    log,
    registration: () => aNewService(),
    trouble: () => troubles.shift(),
    note: async () => {},
    interval: () => 60_000,
    written: () => {},
    tried: () => {},
  });

  for (let count = 0; count < 3; count++) await heartbeat.beat(new AbortController().signal);

  assert.deepEqual(
    log.lines.map((line) => line.replace(/^.*\((.*)\)$/, '$1')),
    ['driver not initialised: try 1', 'no RPC consumer: x'],
  );
});
