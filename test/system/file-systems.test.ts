import assert from 'node:assert/strict';
import { readdirSync, statfsSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fileDriver from '../../src/drivers/file.ts';
import type { VolumeDriver } from '../../src/interface/volume-driver.ts';
import type { Volume } from '../../src/objects/volume.ts';
import { volumeDriverConformance } from '../conformance/volume-driver.ts';
import { driverParts, reading } from '../support/driver-parts.ts';
import { fileData } from '../support/file-backend.ts';
import { aFileSystem, whyNoMount } from '../support/file-system.ts';
import { aFolder } from '../support/folder.ts';
import { needTools } from '../support/iscsi.ts';
import { aSnapshot, attached, aVolume } from '../support/resources.ts';

const never = new AbortController().signal;
const progress = (): void => {};
const MiB = 2 ** 20;

async function aDriver(t: TestContext, kind: 'xfs' | 'btrfs' | 'ext4', mebibytes?: number) {
  await needTools(`mkfs.${kind}`);
  const file_storage_dir = join(aFileSystem(t, kind, mebibytes), 'volumes');
  const parts = driverParts(aFolder(t));
  const driver: VolumeDriver = await fileDriver.create(parts, reading({ file_storage_dir }));
  t.after(() => driver.close());
  await driver.doSetup(never);
  return { driver, folder: file_storage_dir, parts, data: fileData(file_storage_dir, parts.naming) };
}

const why = whyNoMount();
const mounted = (title: string, body: (t: TestContext) => Promise<void>): void => {
  test(title, async (t) => (why === undefined ? body(t) : t.skip(why)));
};

if (why === undefined) {
  for (const kind of ['xfs', 'btrfs', 'ext4'] as const)
    volumeDriverConformance(`file on ${kind}`, (t) => aDriver(t, kind));
}

async function filled(folder: string, volume: Volume, mebibytes: number): Promise<void> {
  const handle = await open(join(folder, `volume-${volume.id}`), 'r+');
  for (let i = 0; i < mebibytes; i++) await handle.write(Buffer.alloc(MiB, (i % 255) + 1), 0, MiB, i * MiB);
  await handle.sync();
  await handle.close();
}

for (const kind of ['xfs', 'btrfs'] as const) {
  mounted(`on ${kind} a volume in use is copied at once, and takes no space [S-13, S-31]`, async (t) => {
    const { driver, folder, parts, data } = await aDriver(t, kind);
    const volume = aVolume({ status: 'available' });
    await driver.createVolume(volume, never);
    await filled(folder, volume, 100);
    const inUse = attached(volume, [{ initiator: 'iqn.x:me' }]);
    const free = statfsSync(folder).bfree;

    for (let i = 0; i < 5; i++) await driver.createSnapshot(aSnapshot(inUse), inUse, never, progress);
    const clone = aVolume({ size: 2 });
    await driver.createClonedVolume(clone, inUse, never, progress);

    assert.ok(parts.logger.lines.some((line) => /snapshots and clones share blocks/.test(line)));
    assert.ok((free - statfsSync(folder).bfree) * statfsSync(folder).bsize < 50 * MiB);
    assert.deepEqual(await data.read(clone, 99 * MiB, 2), Buffer.from([100, 100]));
  });
}

mounted('a full file system is a clear error, and leaves nothing', async (t) => {
  const { driver, folder } = await aDriver(t, 'ext4', 64);
  const volume = aVolume({ status: 'available' });
  await driver.createVolume(volume, never);
  await filled(folder, volume, 30);
  const clone = driver.createClonedVolume(aVolume(), volume, never, progress);

  await assert.rejects(clone, {
    name: 'VolumeBackendAPIException',
    message: /cannot make volume-\S+ of 1 GiB: no space left on the file system/,
  });

  const files = readdirSync(folder).filter((name) => !name.startsWith('.volume-daemon.lock'));
  assert.deepEqual(files, [`volume-${volume.id}`]);
  assert.equal(statSync(join(folder, `volume-${volume.id}`)).size, 2 ** 30);
  const [pool] = (await driver.getVolumeStats(never)).pools ?? [];
  assert.deepEqual([pool?.['total_volumes'], pool?.provisioned_capacity_gb], [1, 1]);
});

mounted('a volume larger than a file can be is a clear error', async (t) => {
  const { driver, folder } = await aDriver(t, 'ext4', 64);

  await assert.rejects(driver.createVolume(aVolume({ size: 20_000 }), never), /larger than a file can be here/);

  assert.deepEqual(
    readdirSync(folder).filter((name) => !name.startsWith('.volume-daemon.lock')),
    [],
  );
});
