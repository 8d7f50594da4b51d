import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PinnedVersions } from '../../src/service/version-pins.ts';
import { aNewService, openTestDatabase } from '../support/database.ts';

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
