import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fileDriver from '../../src/drivers/file.ts';
import type { DriverParts } from '../../src/interface/driver-parts.ts';
import type { VolumeDriver } from '../../src/interface/volume-driver.ts';
import { serviceHost } from '../../src/objects/host.ts';
import type { Volume } from '../../src/objects/volume.ts';
import { volumeDriverConformance } from '../conformance/volume-driver.ts';
import { driverParts, reading } from '../support/driver-parts.ts';
import { eventually } from '../support/eventually.ts';
import { fileData } from '../support/file-backend.ts';
import { aFolder } from '../support/folder.ts';
import { aProgram } from '../support/program.ts';
import { aTarget } from '../support/recording-target.ts';
import { aSnapshot, attached, aVolume } from '../support/resources.ts';

volumeDriverConformance('file', async (t) => {
  const statePath = aFolder(t);
  const parts = driverParts(statePath);
  const driver = await fileDriver.create(parts, reading());
  await driver.doSetup(new AbortController().signal);
  return { driver, data: fileData(join(statePath, 'backend'), parts.naming) };
});

const never = new AbortController().signal;
const progress = (): void => {};
const GiB = 2 ** 30;

interface Given {
  readonly values?: Readonly<Record<string, unknown>>;
  readonly parts?: Partial<DriverParts>;
  readonly state?: string;
}

async function aDriver(t: TestContext, { values = {}, parts: given = {}, state = aFolder(t) }: Given = {}) {
  const target = aTarget();
  const parts = driverParts(state, { openTarget: async () => target, ...given });
  const driver = await fileDriver.create(parts, reading(values));
  t.after(() => driver.close());
  const folder = join(state, 'backend');
  return { driver, parts, target, state, folder, file: (volume: Volume) => join(folder, `volume-${volume.id}`) };
}

async function aReadyDriver(t: TestContext, given: Given = {}) {
  const subject = await aDriver(t, given);
  await subject.driver.doSetup(never);
  return subject;
}

async function poolOf(driver: VolumeDriver): Promise<Readonly<Record<string, unknown>>> {
  return (await driver.getVolumeStats(never)).pools?.[0] ?? assert.fail();
}

async function firstBytes(path: string, length: number): Promise<string> {
  const handle = await open(path);
  try {
    return String((await handle.read(Buffer.alloc(length), 0, length, 0)).buffer);
  } finally {
    await handle.close();
  }
}

const hidden = (folder: string): string[] => readdirSync(folder).filter((name) => /^\..*\.part$/.test(name));
const visible = (folder: string): string[] => readdirSync(folder).filter((name) => !name.startsWith('.'));

test('a volume is a sparse file for its owner alone, in a folder made for the backend [S-32, O-33]', async (t) => {
  const { driver, folder, file } = await aReadyDriver(t);
  const volume = aVolume({ size: 3 });

  await driver.createVolume(volume, never);

  const { mode, size, blocks } = statSync(file(volume));
  assert.deepEqual([mode & 0o777, size, blocks], [0o600, 3 * GiB, 0]);
  assert.equal(statSync(folder).mode & 0o777, 0o750);
});

test('the report counts what volumes promise and what the file system has [scheduler 3.2, storage 2.4]', async (t) => {
  const { driver, folder } = await aReadyDriver(t, { values: { volume_backend_name: 'gold', reserved_percentage: 5 } });
  const [small, large] = [aVolume({ status: 'available' }), aVolume({ size: 5 })];
  await driver.createVolume(small, never);
  await driver.createVolume(large, never);
  await driver.createVolume(large, never);
  await driver.extendVolume(small, 2, never);
  const snapshot = aSnapshot({ ...small, size: 2 });
  await driver.createSnapshot(snapshot, { ...small, size: 2 }, never, progress);

  const stats = await driver.getVolumeStats(never);
  await driver.deleteSnapshot(snapshot, small, never);
  await driver.deleteVolume(large, never);
  await driver.deleteVolume(large, never);
  const after = await poolOf(driver);

  const { total_capacity_gb, free_capacity_gb, ...pool } = stats.pools?.[0] ?? assert.fail();
  assert.deepEqual(pool, {
    pool_name: 'gold',
    provisioned_capacity_gb: 9,
    reserved_percentage: 5,
    max_over_subscription_ratio: '20.0',
    thin_provisioning_support: true,
    thick_provisioning_support: false,
    multiattach: true,
    QoS_support: false,
    total_volumes: 3,
    location_info: `FileDriver:node:${folder}`,
    backend_state: 'up',
  });
  assert.ok(Number(total_capacity_gb) > 0 && Number(free_capacity_gb) <= Number(total_capacity_gb));
  assert.deepEqual(
    { ...stats, pools: [] },
    {
      volume_backend_name: 'gold',
      vendor_name: 'Open Source',
      driver_version: '1.2.3',
      storage_protocol: 'iSCSI',
      shared_targets: false,
      sparse_copy_volume: true,
      pools: [],
    },
  );
  assert.deepEqual([after['provisioned_capacity_gb'], after['total_volumes']], [2, 1]);
});

test('a capacity that the operator sets stands for the file system', async (t) => {
  const { driver, file } = await aReadyDriver(t, { values: { file_capacity_gb: 1 } });
  const volume = aVolume();
  await driver.createVolume(volume, never);
  const before = await poolOf(driver);
  writeFileSync(file(volume), Buffer.alloc(64 * 2 ** 20, 1), { flag: 'r+' });

  const pool = await poolOf(driver);

  assert.deepEqual([before['total_capacity_gb'], before['free_capacity_gb']], [1, 1]);
  assert.deepEqual([pool['total_capacity_gb'], pool['free_capacity_gb']], [1, 0.94]);
});

test('volumes of an earlier run are counted again', async (t) => {
  const state = aFolder(t);
  const first = await aReadyDriver(t, { state });
  await first.driver.createVolume(aVolume({ size: 4 }), never);
  await first.driver.close();

  const { driver } = await aReadyDriver(t, { state });

  const pool = await poolOf(driver);
  assert.deepEqual([pool['provisioned_capacity_gb'], pool['total_volumes']], [4, 1]);
});

test('a folder that is gone or is another one makes the backend report itself down, and nothing is written [S-32]', async (t) => {
  const { driver, folder, parts } = await aReadyDriver(t);
  const volume = aVolume();
  await driver.createVolume(volume, never);

  renameSync(folder, `${folder}.away`);
  const gone = await poolOf(driver);
  mkdirSync(folder);
  const other = await poolOf(driver);
  await assert.rejects(
    driver.createVolume(aVolume(), never),
    /is not the one it was at the start: was its file system/,
  );
  await assert.rejects(driver.deleteVolume(volume, never), { name: 'VolumeBackendAPIException' });
  assert.deepEqual(readdirSync(folder), []);
  rmdirSync(folder);
  renameSync(`${folder}.away`, folder);

  for (const pool of [gone, other]) {
    assert.deepEqual([pool['backend_state'], pool['total_capacity_gb'], pool['free_capacity_gb']], ['down', 0, 0]);
  }
  assert.equal((await poolOf(driver))['backend_state'], 'up');
  const told = parts.logger.lines.filter((line) => /is down|is up/.test(line));
  assert.deepEqual(
    told.map((line) => line.split(' ')[0]),
    ['ERROR', 'ERROR', 'INFO'],
  );
});

test('a target helper that does not answer makes the backend report itself down', async (t) => {
  const { driver, target } = await aReadyDriver(t);
  target.check = () => Promise.reject(new Error('tgtd does not answer'));

  assert.equal((await poolOf(driver))['backend_state'], 'down');
});

test('a second backend in the same folder fails, naming both; a killed one leaves it free [S-31]', async (t) => {
  const state = aFolder(t);
  const shared = join(state, 'shared');
  const values = { file_storage_dir: shared };
  const second = await aDriver(t, { state, values, parts: { host: serviceHost('node', 'second') } });
  const first = aProgram(
    t,
    `const { driverParts, reading } = await load('test/support/driver-parts.js');
     const { default: file } = await load('src/drivers/file.js');
     const driver = await file.create(driverParts(${JSON.stringify(state)}), reading(${JSON.stringify(values)}));
     await driver.doSetup(new AbortController().signal);
     say('ready'); setInterval(() => {}, 1e6);`,
  );
  await first.line();

  await assert.rejects(
    second.driver.doSetup(never),
    new RegExp(`node@second cannot use ${shared}: it is in use by node@backend \\(process ${first.pid}\\)`),
  );
  await first.kill();
  await second.driver.doSetup(never);
});

test('a predecessor of the same name may still drain; its left-overs go when it has gone [O-03, S-31]', async (t) => {
  const state = aFolder(t);
  const old = await aReadyDriver(t, { state });
  const next = await aReadyDriver(t, { state });
  const volume = aVolume();
  writeFileSync(join(old.folder, '.volume-x.0123abcd.part'), 'half a volume');

  await next.driver.createVolume(volume, never);
  await old.driver.createVolume(aVolume({ size: 2 }), never);
  await poolOf(next.driver);
  const whileDraining = hidden(old.folder).length;
  await old.driver.close();
  const pool = await poolOf(next.driver);

  assert.equal(whileDraining, 1);
  assert.deepEqual(hidden(old.folder), []);
  assert.deepEqual([pool['total_volumes'], pool['provisioned_capacity_gb']], [2, 3]);
});

test('what a killed process was copying never bears a name, and goes at the next set-up [S-12, S-18]', async (t) => {
  const state = aFolder(t);
  const { driver, parts, file, folder } = await aReadyDriver(t, { state });
  if (/share blocks/.test(parts.logger.lines.join()))
    return t.skip('this file system shares blocks: nothing is copied');
  const source = aVolume({ status: 'available' });
  await driver.createVolume(source, never);
  const handle = await open(file(source), 'r+');
  for (let i = 0; i < 100; i++) await handle.write(Buffer.alloc(4 * 2 ** 20, i + 1), 0, 4 * 2 ** 20, i * 8 * 2 ** 20);
  await handle.close();
  await driver.close();
  const program = aProgram(
    t,
    `const { driverParts, reading } = await load('test/support/driver-parts.js');
     const { default: file } = await load('src/drivers/file.js');
     const { aVolume } = await load('test/support/resources.js');
     const driver = await file.create(driverParts(${JSON.stringify(state)}), reading());
     const { signal } = new AbortController();
     await driver.doSetup(signal);
     const source = aVolume({ id: ${JSON.stringify(source.id)}, status: 'available' });
     await driver.createClonedVolume(aVolume(), source, signal, () => {});`,
  );
  await eventually('a draft grows', () => {
    const [draft] = hidden(folder);
    return draft !== undefined && statSync(join(folder, draft)).blocks > 0;
  });

  await program.kill();
  assert.deepEqual(visible(folder), [`volume-${source.id}`]);
  assert.equal(hidden(folder).length, 1);
  await driver.doSetup(never);

  assert.deepEqual(hidden(folder), []);
  assert.equal((await poolOf(driver))['total_volumes'], 1);
});

test('a volume in use is copied only where the copy is of one moment [S-31, S-13]', async (t) => {
  const { driver, parts } = await aReadyDriver(t);
  const source = aVolume();
  await driver.createVolume(source, never);
  const inUse = attached({ ...source, size: 1 }, [{ initiator: 'iqn.x:me' }]);
  const sharesBlocks = /share blocks/.test(parts.logger.lines.join());

  for (const copy of [
    driver.createSnapshot(aSnapshot(inUse), inUse, never, progress),
    driver.createClonedVolume(aVolume(), inUse, never, progress),
  ]) {
    if (sharesBlocks) await copy;
    else await assert.rejects(copy, { name: 'InvalidVolume', message: /is attached, .* cannot share blocks/ });
  }
});

test('a file of the wrong size is an error that names it, and stays as it is', async (t) => {
  const { driver, file, target, folder } = await aReadyDriver(t);
  const volume = aVolume({ size: 2, status: 'available' });
  await driver.createVolume(volume, never);
  truncateSync(file(volume), GiB + 5);
  const names = new RegExp(`volume-${volume.id} has ${GiB + 5} bytes; expected`);

  await assert.rejects(driver.createClonedVolume(aVolume({ size: 2 }), volume, never, progress), names);
  await assert.rejects(driver.createSnapshot(aSnapshot(volume), volume, never, progress), names);
  await assert.rejects(driver.extendVolume(volume, 3, never), names);
  await assert.rejects(driver.createExport(volume, {}, never), names);
  await assert.rejects(driver.ensureExport(volume, never), names);
  await assert.rejects(driver.initializeConnection(volume, {}, never), names);

  assert.equal(statSync(file(volume)).size, GiB + 5);
  assert.deepEqual([visible(folder).length, target.calls], [1, []]);
});

test('an extension that was cut off is taken further, to whatever size is asked [S-17]', async (t) => {
  const { driver, file } = await aReadyDriver(t);
  const volume = aVolume({ status: 'extending' });
  await driver.createVolume(volume, never);
  truncateSync(file(volume), 2 * GiB);

  await driver.extendVolume(volume, 4, never);

  assert.equal(statSync(file(volume)).size, 4 * GiB);
});

test('a file between two sizes that we never gave it is not grown', async (t) => {
  const { driver, file } = await aReadyDriver(t);
  const volume = aVolume({ status: 'extending' });
  await driver.createVolume(volume, never);
  truncateSync(file(volume), 2 * GiB + 512);

  await assert.rejects(driver.extendVolume(volume, 4, never), {
    name: 'ExtendVolumeError',
    message: /from 1 to 4 GiB/,
  });

  assert.equal(statSync(file(volume)).size, 2 * GiB + 512);
});

test('growing tells the target, also when the file has the size already [S-17]', async (t) => {
  const { driver, target, file } = await aReadyDriver(t);
  const volume = aVolume({ status: 'in-use' });
  await driver.createVolume(volume, never);

  await driver.extendVolume(volume, 2, never);
  await driver.extendVolume(volume, 2, never);

  assert.deepEqual(target.calls, [`extendTarget ${file(volume)}`, `extendTarget ${file(volume)}`]);
});

test('a snapshot of a volume that grew meanwhile can be used [manager 6.1]', async (t) => {
  const { driver, file } = await aReadyDriver(t);
  const volume = aVolume({ size: 2, status: 'available' });
  const snapshot = aSnapshot(volume, { volume_size: 1 });
  const copy = aVolume({ size: 2 });
  await driver.createVolume(volume, never);
  await driver.createSnapshot(snapshot, volume, never, progress);

  await driver.createVolumeFromSnapshot(copy, snapshot, never, progress);

  assert.equal(statSync(file(copy)).size, 2 * GiB);
  await assert.rejects(
    driver.createVolumeFromSnapshot(aVolume(), snapshot, never, progress),
    /has .*; expected 1073741824/,
  );
});

test('links and folders in place of a volume are not followed or removed [S-32]', async (t) => {
  const { driver, file, folder } = await aReadyDriver(t);
  const [link, directory] = [aVolume({ status: 'available' }), aVolume({ status: 'available' })];
  const outside = join(folder, '..', 'outside');
  writeFileSync(outside, '');
  truncateSync(outside, GiB);
  symlinkSync(outside, file(link));
  mkdirSync(file(directory));

  for (const volume of [link, directory]) {
    await assert.rejects(driver.createVolume(volume, never), /is no plain file/);
    await assert.rejects(driver.deleteVolume(volume, never), /is no plain file/);
    await assert.rejects(driver.extendVolume(volume, 2, never), /is no plain file/);
    await assert.rejects(driver.createExport(volume, {}, never), /is no plain file/);
    await assert.rejects(driver.createClonedVolume(aVolume(), volume, never, progress), /is no plain file/);
  }

  assert.equal(statSync(outside).size, GiB);
});

test('a folder that cannot hold volumes safely is refused with the reason [S-32, O-33]', async (t) => {
  const state = aFolder(t);
  writeFileSync(join(state, 'file'), '');
  mkdirSync(join(state, 'open'));
  chmodSync(join(state, 'open'), 0o777);
  const setUp = async (file_storage_dir: string): Promise<void> => {
    const { driver } = await aDriver(t, { state, values: { file_storage_dir } });
    await driver.doSetup(never);
  };

  await assert.rejects(setUp(join(state, 'file')), /file_storage_dir .*\/file cannot be used by uid \d+:/);
  await assert.rejects(setUp(join(state, 'open')), /everybody may write to it/);
  await assert.rejects(setUp(join(state, 'a\nb')), /line break/);
  symlinkSync(join(state, 'elsewhere'), join(state, 'link'));
  mkdirSync(join(state, 'elsewhere'));
  await setUp(join(state, 'link'));
});

test('impossible sizes and names are refused and leave nothing', async (t) => {
  const { driver, folder } = await aReadyDriver(t);

  for (const size of [0, -1, 1.5, Number.NaN, 10 ** 12]) {
    await assert.rejects(driver.createVolume(aVolume({ size }), never), {
      name: 'InvalidVolume',
      message: /expected a number/,
    });
  }
  for (const id of ['../../etc/passwd', 'a/b', '', 'x'.repeat(300), 'a\0b', 'a\nb']) {
    if (id !== '') await assert.rejects(driver.createVolume(aVolume({ id }), never), /cannot name a file/);
  }
  const shrunk = driver.createClonedVolume(aVolume(), aVolume({ size: 2, status: 'available' }), never, progress);
  await assert.rejects(shrunk, /cannot hold/);

  assert.deepEqual([...visible(folder), ...hidden(folder)], []);
});

test('an export stays while another host, or another attachment of the same host, uses it [manager 7.2, S-11]', async (t) => {
  const { driver, target } = await aReadyDriver(t);
  const [one, two] = [
    { initiator: 'iqn.x:one', host: 'one' },
    { initiator: 'iqn.x:two', host: 'two' },
  ];
  const volume = aVolume();

  const sameHost = await driver.terminateConnection(attached(volume, [one, one]), one, never);
  const otherHost = await driver.terminateConnection(attached(volume, [one, two]), one, never);
  const last = await driver.terminateConnection(attached(volume, [one]), one, never);
  const all = await driver.terminateConnection(attached(volume, [one, two]), undefined, never);

  assert.deepEqual([sameHost, otherHost, last, all], [true, true, false, false]);
  assert.deepEqual(target.calls, [
    'terminateConnection iqn.x:one',
    'terminateConnection iqn.x:one',
    'terminateConnection all',
  ]);
});

test('a file that lies in the folder becomes a volume of whole GiB, and repetition changes nothing [manager 10.1]', async (t) => {
  const { driver, folder, file } = await aReadyDriver(t);
  const volume = aVolume({ size: 0, status: 'managing' });
  writeFileSync(join(folder, 'disk.img'), 'found', { mode: 0o666 });
  truncateSync(join(folder, 'disk.img'), GiB + 1);
  const reference = { 'source-name': 'disk.img' };

  const size = await driver.manageExistingGetSize?.(volume, reference, never);
  for (const _ of [1, 2]) await driver.manageExisting?.(volume, reference, never);
  const again = await driver.manageExistingGetSize?.(volume, reference, never);
  await driver.unmanage?.(volume, never);

  assert.deepEqual([size, again], [2, 2]);
  assert.deepEqual(visible(folder), [`volume-${volume.id}`]);
  const { mode, size: bytes } = statSync(file(volume));
  assert.deepEqual([mode & 0o777, bytes, await firstBytes(file(volume), 5)], [0o600, 2 * GiB, 'found']);
});

test('a managing that was cut off between the two names is taken further [manager 10.1, S-12]', async (t) => {
  const { driver, folder, file } = await aReadyDriver(t);
  const volume = aVolume({ size: 0, status: 'managing' });
  writeFileSync(join(folder, 'disk.img'), 'found');
  linkSync(join(folder, 'disk.img'), file(volume));

  await driver.manageExisting?.(volume, { 'source-name': 'disk.img' }, never);

  assert.deepEqual(visible(folder), [`volume-${volume.id}`]);
});

test('what cannot become a volume is refused by its reference, and stays [manager 10.1]', async (t) => {
  const { driver, folder, file } = await aReadyDriver(t);
  const volume = aVolume({ size: 0, status: 'managing' });
  writeFileSync(join(folder, 'empty'), '');
  mkdirSync(join(folder, 'sub'));
  const refused = { name: 'ManageExistingInvalidReference' };

  for (const reference of [
    {},
    { 'source-id': 'x' },
    ...['none', '../x', 'empty'].map((name) => ({ 'source-name': name })),
  ]) {
    await assert.rejects(async () => driver.manageExistingGetSize?.(volume, reference, never), refused);
    await assert.rejects(async () => driver.manageExisting?.(volume, reference, never), refused);
  }
  await assert.rejects(
    async () => driver.manageExisting?.(volume, { 'source-name': 'sub' }, never),
    /is no plain file/,
  );
  writeFileSync(join(folder, 'one'), 'one');
  writeFileSync(file(volume), 'other');
  const taken = async (): Promise<unknown> => driver.manageExisting?.(volume, { 'source-name': 'one' }, never);
  await assert.rejects(taken, /there is another file/);

  assert.deepEqual(visible(folder).sort(), ['empty', 'one', 'sub', `volume-${volume.id}`]);
});

test('manageable things are listed with the rows that have them already [manager 10.3]', async (t) => {
  const { driver, folder } = await aReadyDriver(t);
  const volume = aVolume({ status: 'available', _name_id: randomUUID() });
  const snapshot = aSnapshot(volume, { volume });
  await driver.createVolume(volume, never);
  await driver.createSnapshot(snapshot, volume, never, progress);
  const stray = `snapshot-${randomUUID()}`;
  writeFileSync(join(folder, stray), 'x');
  writeFileSync(join(folder, 'empty'), '');

  const volumes = (await driver.getManageableVolumes?.([volume], never)) ?? [];
  const snapshots = (await driver.getManageableSnapshots?.([snapshot], never)) ?? [];

  const own = { size: 1, safe_to_manage: false, reason_not_safe: 'already managed', extra_info: null };
  const source = { 'source-name': `volume-${volume._name_id}` };
  assert.deepEqual(
    volumes.toSorted((one, other) => one.size - other.size),
    [
      {
        reference: { 'source-name': 'empty' },
        size: 0,
        safe_to_manage: false,
        reason_not_safe: 'empty file',
        cinder_id: null,
        extra_info: null,
      },
      { reference: source, cinder_id: volume.id, ...own },
    ],
  );
  assert.deepEqual(
    snapshots.toSorted((one, other) => Number(one.safe_to_manage) - Number(other.safe_to_manage)),
    [
      {
        reference: { 'source-name': `snapshot-${snapshot.id}` },
        cinder_id: snapshot.id,
        source_reference: source,
        ...own,
      },
      {
        reference: { 'source-name': stray },
        size: 1,
        safe_to_manage: true,
        reason_not_safe: null,
        cinder_id: null,
        extra_info: null,
        source_reference: {},
      },
    ],
  );
});

test('a snapshot can be taken in and be used as one [manager 10.2]', async (t) => {
  const { driver, folder, file } = await aReadyDriver(t);
  const volume = aVolume({ status: 'available' });
  const snapshot = aSnapshot(volume);
  const copy = aVolume({ snapshot_id: snapshot.id });
  await driver.createVolume(volume, never);
  writeFileSync(join(folder, 'saved'), 'saved');
  truncateSync(join(folder, 'saved'), GiB);
  const reference = { 'source-name': 'saved' };

  const size = await driver.manageExistingSnapshotGetSize?.(snapshot, volume, reference, never);
  await driver.manageExistingSnapshot?.(snapshot, volume, reference, never);
  await driver.createVolumeFromSnapshot(copy, snapshot, never, progress);
  await driver.unmanageSnapshot?.(snapshot, volume, never);

  assert.equal(size, 1);
  assert.equal(await firstBytes(file(copy), 5), 'saved');
  assert.ok(visible(folder).includes(`snapshot-${snapshot.id}`));
});

test('an attached volume is neither reverted nor written to by its path [manager 6.3]', async (t) => {
  const { driver } = await aReadyDriver(t);
  const volume = aVolume({ status: 'available' });
  const snapshot = aSnapshot(volume);
  await driver.createVolume(volume, never);
  await driver.createSnapshot(snapshot, volume, never, progress);
  const inUse = attached(volume, [{ initiator: 'iqn.x:me' }]);
  const refused = { name: 'InvalidVolume', message: /is attached/ };

  await assert.rejects(async () => driver.revertToSnapshot?.(inUse, snapshot, never, progress), refused);
  await assert.rejects(async () => driver.withLocalPath?.(inUse, { write: true }, async () => 1, never), refused);
  assert.equal(await driver.withLocalPath?.(inUse, { write: false }, async () => 1, never), 1);
});

test('before its set-up a driver says so, and reports itself down', async (t) => {
  const { driver } = await aDriver(t);

  await assert.rejects(driver.createVolume(aVolume(), never), /has not been set up/);
  assert.equal((await poolOf(driver))['backend_state'], 'down');
});
