import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { Volume } from '../../src/objects/volume.ts';
import { aReadyNfsDriver, aShare } from '../support/nfs-share.ts';
import { aVolume } from '../support/resources.ts';

const never = new AbortController().signal;
const elsewhere = '192.0.2.9:/old';

/** A volume that was copied to a share of ours: its row, the row of the copy, and the driver that made it. */
async function aMigration(t: TestContext, shares: readonly string[] = [aShare]) {
  const { driver, folder } = await aReadyNfsDriver(t, { shares });
  const volume = aVolume({ status: 'available', provider_location: elsewhere });
  const made = aVolume({ migration_status: `target:${volume.id}` });
  const copy = { ...made, ...(await driver.createVolume(made, never)) };
  const name = (row: Volume, next: Volume, status = 'available') =>
    driver.updateMigratedVolume(row, next, status, never);
  return { volume, copy, name, files: () => readdirSync(folder).filter((file) => !file.startsWith('.')) };
}

test('a migrated volume gets its file under its own name, also after a crash, and asked again nothing moves [storage S-17, manager 9.4, R-05]', async (t) => {
  const { volume, copy, name, files } = await aMigration(t);
  const settled = { _name_id: null, provider_location: aShare };

  assert.deepEqual(await name(volume, copy), settled);
  assert.deepEqual(files(), [`volume-${volume.id}`]);
  // The crash came before the rows were written.
  assert.deepEqual(await name(volume, copy), settled);
  const swapped = { ...copy, provider_location: elsewhere };
  assert.deepEqual(await name({ ...volume, ...settled }, swapped), settled);
  assert.deepEqual(files(), [`volume-${volume.id}`]);
});

test('a file that a server has open, or that stands beside its source, keeps its name [manager 9.4]', async (t) => {
  const { volume, copy, name, files } = await aMigration(t);
  const kept = { _name_id: copy.id, provider_location: aShare };

  assert.deepEqual(await name(volume, copy, 'in-use'), kept);
  assert.deepEqual(await name({ ...volume, provider_location: aShare }, copy), kept);
  assert.deepEqual(await name({ ...volume, ...kept }, { ...copy, provider_location: elsewhere }, 'in-use'), kept);
  assert.deepEqual(files(), [`volume-${copy.id}`]);
});

test('what the files do not prove is refused, and no file is replaced [manager 9.4]', async (t) => {
  const { volume, copy, name, files } = await aMigration(t);
  const failure = { name: 'VolumeBackendAPIException', message: /there is no file .*volume-/ };

  await assert.rejects(name(volume, aVolume({ provider_location: aShare })), failure);
  const both = await aMigration(t, [aShare, elsewhere]);
  await both.name(both.volume, both.copy);
  await assert.rejects(both.name(both.volume, both.copy), failure);
  assert.deepEqual(files(), [`volume-${copy.id}`]);
});
