import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fakeDriver from '../../src/drivers/fake.ts';
import type { VolumeDriver } from '../../src/interface/volume-driver.ts';
import { volumeDriverConformance } from '../conformance/volume-driver.ts';
import { driverParts, reading } from '../support/driver-parts.ts';
import { aFolder } from '../support/folder.ts';
import { aProgram, type Program } from '../support/program.ts';
import { aSnapshot, aVolume } from '../support/resources.ts';
import { capturedMessages } from '../support/wire.ts';

volumeDriverConformance('fake', async (t) => {
  const driver = await fakeDriver.create(driverParts(aFolder(t)), reading());
  await driver.doSetup(new AbortController().signal);
  return { driver };
});

const never = new AbortController().signal;

async function aFake(t: TestContext, values: Readonly<Record<string, unknown>>): Promise<VolumeDriver> {
  return fakeDriver.create(driverParts(aFolder(t)), reading(values));
}

test('reports what upstream’s driver of that name reports [storage 2.4]', async (t) => {
  const driver = await aFake(t, { volume_backend_name: 'fake' });
  const captured = capturedMessages('33-fake-driver-start')[0] ?? assert.fail();
  const { capabilities } = captured.message['args'] as { capabilities: Record<string, unknown> };
  const { filter_function, goodness_function, ...expected } = capabilities;
  const [{ allocated_capacity_gb, ...pool }] = expected['pools'] as [Record<string, unknown>];

  const stats = await driver.getVolumeStats(never);

  assert.deepEqual(stats, { ...expected, pools: [pool] });
  assert.deepEqual([filter_function, goodness_function, allocated_capacity_gb], [null, null, 0]);
});

test('its connection tells the access mode only [storage 2.3]', async (t) => {
  const driver = await aFake(t, {});
  const connect = async (admin_metadata?: Record<string, string>): Promise<unknown> =>
    driver.initializeConnection(aVolume(admin_metadata && { admin_metadata }), {}, never);

  assert.deepEqual(await connect(), { driver_volume_type: 'iscsi', data: { access_mode: 'rw' } });
  assert.deepEqual(await connect({ readonly: 'True' }), { driver_volume_type: 'iscsi', data: { access_mode: 'ro' } });
  assert.deepEqual(await connect({ readonly: 'True', attached_mode: 'rw' }), {
    driver_volume_type: 'iscsi',
    data: { access_mode: 'rw' },
  });
});

test('manages whatever it is told, reverts, and lends a file that is gone afterwards [manager 6.3, 10, 4.4]', async (t) => {
  const fake_journal = join(aFolder(t), 'journal');
  const driver = await aFake(t, { fake_journal });
  const volume = aVolume({ status: 'available', size: 2 });
  const snapshot = aSnapshot(volume);
  const reference = { 'source-name': 'x' };

  const sizes = [
    await driver.manageExistingGetSize?.(volume, reference, never),
    await driver.manageExistingSnapshotGetSize?.(snapshot, volume, reference, never),
  ];
  await driver.manageExisting?.(volume, reference, never);
  await driver.manageExistingSnapshot?.(snapshot, volume, reference, never);
  await driver.revertToSnapshot?.(volume, snapshot, never, () => {});
  await driver.unmanage?.(volume, never);
  await driver.unmanageSnapshot?.(snapshot, volume, never);
  const [found] = (await driver.getManageableVolumes?.([volume], never)) ?? [];
  const [foundSnapshot] = (await driver.getManageableSnapshots?.([snapshot], never)) ?? [];
  const lent = await driver.withLocalPath?.(
    volume,
    { write: true },
    async (path) => [path, statSync(path).size],
    never,
  );

  assert.deepEqual(sizes, [1, 2]);
  assert.deepEqual([found?.cinder_id, foundSnapshot?.cinder_id], [volume.id, snapshot.id]);
  assert.equal(lent?.[1], 2 * 2 ** 30);
  assert.ok(!existsSync(String(lent?.[0])));
  const methods = readFileSync(fake_journal, 'utf8').matchAll(/\d+ (\S+) \S+ end/g);
  assert.deepEqual(
    [...methods].map(([, method]) => method),
    [
      'construct',
      'manage_existing_get_size',
      'manage_existing_snapshot_get_size',
      'manage_existing',
      'manage_existing_snapshot',
      'revert_to_snapshot',
      'unmanage',
      'unmanage_snapshot',
      'get_manageable_volumes',
      'get_manageable_snapshots',
      'copy_image_to_volume',
    ],
  );
});

test('its journal has a line before and after each call, and none after one that did not end well', async (t) => {
  const fake_journal = join(aFolder(t), 'journal');
  const driver = await aFake(t, { fake_journal, fake_fail: ['delete_volume'] });
  const volume = aVolume();

  await driver.createVolume(volume, never);
  await assert.rejects(driver.deleteVolume(volume, never), { name: 'VolumeBackendAPIException' });

  assert.deepEqual(readFileSync(fake_journal, 'utf8').trim().split('\n'), [
    `${process.pid} construct - start`,
    `${process.pid} construct - end`,
    `${process.pid} create_volume ${volume.id} start`,
    `${process.pid} create_volume ${volume.id} end`,
    `${process.pid} delete_volume ${volume.id} start`,
  ]);
});

test('fails the first set-ups, and methods as often as it is told', async (t) => {
  const driver = await aFake(t, { fake_setup_failures: 2, fake_fail: ['create_volume:1'] });

  await assert.rejects(driver.doSetup(never), /set-up 1 fails/);
  await assert.rejects(driver.doSetup(never), /set-up 2 fails/);
  await driver.doSetup(never);
  await assert.rejects(driver.createVolume(aVolume(), never), /create_volume of .* fails/);
  await driver.createVolume(aVolume(), never);
});

test('a delay ends with the signal [S-18]', async (t) => {
  const driver = await aFake(t, { fake_delay: ['create_volume:100', '*:0.001'] });
  const stop = new AbortController();

  const creating = driver.createVolume(aVolume(), stop.signal);
  await driver.deleteVolume(aVolume(), never);
  stop.abort();

  await assert.rejects(creating, { name: 'AbortError' });
});

test('blocks the event loop when it is told to [O-11]', async (t) => {
  const driver = await aFake(t, { fake_block: ['delete_volume:0.05'] });
  let turns = 0;
  const timer = setInterval(() => turns++, 1);

  const deleting = driver.deleteVolume(aVolume(), never);
  const whileBlocked = turns;
  await deleting;
  clearInterval(timer);

  assert.equal(whileBlocked, 0);
});

test('ends its process by a signal or by an error that nobody catches', async (t) => {
  const dying = (how: string): Program =>
    aProgram(
      t,
      `const { driverParts, reading } = await load('test/support/driver-parts.js');
       const { aVolume } = await load('test/support/resources.js');
       const { default: fake } = await load('src/drivers/fake.js');
       process.on('uncaughtException', (error) => { say(error.message); process.exit(1); });
       const driver = await fake.create(driverParts(${JSON.stringify(aFolder(t))}), reading({ fake_die: ['create_volume:${how}'] }));
       await driver.createVolume(aVolume(), new AbortController().signal);`,
    );
  const [killed, failed] = [dying('SIGKILL'), dying('error')];

  assert.equal(await killed.exited, null);
  assert.match(await failed.line(), /where nobody catches/);
  assert.equal(await failed.exited, 1);
});

test('options that say nothing are refused', async (t) => {
  for (const values of [{ fake_delay: ['create_volume'] }, { fake_block: ['x:soon'] }, { fake_fail: [':1'] }]) {
    await assert.rejects(aFake(t, values), /is not a method and a value/);
  }
});
