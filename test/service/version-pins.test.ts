import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serviceHost } from '../../src/objects/host.ts';
import { PinnedVersions, rereadVersionPins } from '../../src/service/version-pins.ts';
import { aNewService, openTestDatabase } from '../support/database.ts';
import { recordedLogs } from '../support/logs.ts';

test('the lowest row of a program decides, that of all programs for answers, and SIGHUP reads anew [objects 5.3, L-163]', async (t) => {
  const db = await openTestDatabase(t);
  await db.services.register(aNewService({ rpc_current_version: '3.9', object_current_version: '1.39' }));
  const pins = new PinnedVersions(db);

  assert.deepEqual(
    [await pins.objects('cinder-backup'), await pins.rpc('cinder-backup'), await pins.rpc('cinder-volume')],
    ['1.39', undefined, '3.9'],
  );
  const old = aNewService({ binary: 'cinder-backup', rpc_current_version: '2.3', object_current_version: '1.38' });
  await db.services.register(old);
  assert.equal(await pins.objects(), '1.39');
  pins.forget();

  assert.deepEqual([await pins.objects(), await pins.objects('cinder-volume')], ['1.38', '1.39']);
  assert.deepEqual([await pins.objects('cinder-backup'), await pins.rpc('cinder-backup')], ['1.38', '2.3']);
});

test('versions that hold us down are read again, and what an upgrade has changed is told once; others are left alone [O-40]', async (t) => {
  const db = await openTestDatabase(t);
  const { logs, at } = recordedLogs();
  let reads = 0;
  const list = (): ReturnType<typeof db.services.list> => {
    reads++;
    return db.services.list();
  };
  const pins = new PinnedVersions({ services: { ...db.services, list } });
  const scheduler = { binary: 'cinder-scheduler', host: serviceHost('node', 'one') };
  const old = await db.services.register(
    aNewService({ ...scheduler, rpc_current_version: '3.11', object_current_version: '1.38' }),
  );

  await rereadVersionPins(pins, logs);
  const silent = at('INFO');
  await db.services.register(
    aNewService({ ...scheduler, rpc_current_version: '3.12', object_current_version: '1.39' }),
  );
  await rereadVersionPins(pins, logs);
  const before = reads;
  await rereadVersionPins(pins, logs);

  assert.deepEqual(silent, []);
  assert.deepEqual(at('INFO'), [
    'Automatically selected cinder-scheduler objects version 1.39 as minimum service version, in place of 1.38.',
    'Automatically selected cinder-scheduler RPC version 3.12 as minimum service version, in place of 3.11.',
  ]);
  assert.equal(reads, before, 'the rows were read again with nothing to gain');
  assert.equal((await db.services.get(old.id))?.rpc_current_version, '3.12');
});
