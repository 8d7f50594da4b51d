import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { volumeDriverConformance } from '../conformance/volume-driver.ts';
import { anNfsDriver, aReadyNfsDriver, aShare, infoOf, nfsData, script, whyNoQemu } from '../support/nfs-share.ts';
import { aSnapshot, attached, aVolume } from '../support/resources.ts';

const never = new AbortController().signal;
const progress = (): void => {};
const GiB = 2 ** 30;
const why = whyNoQemu();

if (why !== undefined) test('nfs: the conformance suite', (t) => t.skip(why));
else {
  volumeDriverConformance('nfs', async (t) => {
    const { driver, folder, parts } = await aReadyNfsDriver(t);
    return { driver, data: nfsData(folder, parts.naming) };
  });
}

/** A test that needs real images. */
function withImages(title: string, body: (t: TestContext) => Promise<void>): void {
  test(title, async (t) => (why === undefined ? body(t) : t.skip(why)));
}

const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

test('a new volume is a sparse file on its share, open to all or to owner and group, as the options say [storage 3.3]', async (t) => {
  for (const [nas_secure_file_permissions, mode] of [
    ['false', '666'],
    ['true', '660'],
  ]) {
    const { driver, folder } = await aReadyNfsDriver(t, { values: { nas_secure_file_permissions } });
    const volume = aVolume({ size: 2 });

    const update = await driver.createVolume(volume, never);

    assert.deepEqual(update, { provider_location: aShare, admin_metadata: { format: 'raw' } });
    const { size, blocks } = statSync(join(folder, `volume-${volume.id}`));
    assert.deepEqual([size, blocks, modeOf(join(folder, `volume-${volume.id}`))], [2 * GiB, 0, mode]);
  }
});

test('without nfs_sparsed_volumes a volume has all its blocks from the start [config 12.2]', async (t) => {
  const { driver, folder, bin, state } = await aReadyNfsDriver(t, { values: { nfs_sparsed_volumes: false } });
  script(
    join(bin, 'dd'),
    `case "$*" in *if=/dev/zero*) echo "$*" >${state}/dd; : >"\${2#of=}";; *) exec /bin/dd "$@";; esac`,
  );
  const volume = aVolume({ size: 2 });

  await driver.createVolume(volume, never);

  const path = join(folder, `volume-${volume.id}`);
  assert.equal(readFileSync(join(state, 'dd'), 'utf8'), `if=/dev/zero of=${path} bs=1M count=2048\n`);
});

test('encrypted volumes are refused, and nothing stays', async (t) => {
  const { driver, folder } = await aReadyNfsDriver(t);

  await assert.rejects(driver.createVolume(aVolume({ encryption_key_id: 'k' }), never), {
    name: 'VolumeDriverException',
    message: /Encrypted volumes on NFS are not supported/,
  });
  assert.deepEqual(readdirSync(folder), []);
});

test('the share of which the least is promised takes the next volume, if it has room [storage 3.3]', async (t) => {
  const shares = ['one:/share', 'two:/share'];
  const { driver, bin, folderOf } = await aReadyNfsDriver(t, { shares, values: { max_over_subscription_ratio: '1' } });
  const places = async (...sizes: number[]): Promise<unknown[]> => {
    const made: unknown[] = [];
    for (const size of sizes) made.push((await driver.createVolume(aVolume({ size }), never)).provider_location);
    return made;
  };
  const twenty = 20 * 262144;
  script(join(bin, 'stat'), `case "$2" in -c) echo 4096 ${twenty} ${twenty};; *) exec /usr/bin/stat "$@";; esac`);

  const chosen = await places(4, 1, 1, 5);
  const tooLarge = await driver.createVolume(aVolume({ size: 17 }), never).catch((error: Error) => error.name);
  script(
    join(bin, 'stat'),
    `case "$2 $4" in -c*${folderOf('two:/share')}) echo 4096 1000 0;; -c*) echo 4096 ${twenty} ${twenty};;
    *) exec /usr/bin/stat "$@";; esac`,
  );
  const whenFull = await places(1);

  assert.deepEqual(chosen, ['one:/share', 'two:/share', 'two:/share', 'two:/share']);
  assert.equal(tooLarge, 'NfsNoSuitableShareFound');
  assert.deepEqual(whenFull, ['one:/share']);
});

test('the report is flat, with upstream’s keys; a backend without shares is down [storage 2.4, scheduler 3.3]', async (t) => {
  const { driver, bin, mounts } = await aReadyNfsDriver(t, { values: { max_over_subscription_ratio: '20.0' } });
  script(join(bin, 'stat'), 'case "$2" in -c) echo 4096 262144 131072;; *) exec /usr/bin/stat "$@";; esac');
  await driver.createVolume(aVolume({ size: 3 }), never);

  const stats = await driver.getVolumeStats(never);
  script(join(bin, 'mount'), 'exit 32');
  writeFileSync(mounts, '');
  const down = await driver.getVolumeStats(never);

  assert.deepEqual(stats, {
    volume_backend_name: 'Generic_NFS',
    vendor_name: 'Open Source',
    driver_version: '1.4.0',
    storage_protocol: 'nfs',
    total_capacity_gb: 1,
    free_capacity_gb: 0.5,
    provisioned_capacity_gb: 3,
    max_over_subscription_ratio: 20,
    reserved_percentage: 0,
    thin_provisioning_support: true,
    thick_provisioning_support: false,
    QoS_support: false,
    sparse_copy_volume: true,
  });
  assert.deepEqual([down['backend_state'], down['total_capacity_gb']], ['down', 0]);
});

test('auto is the secure way on a new installation, which its marker remembers, and the open way elsewhere [storage 3.3]', async (t) => {
  const values = {
    nas_secure_file_operations: 'auto',
    nas_secure_file_permissions: 'auto',
    nfs_snapshot_support: false,
  };
  const old = await aReadyNfsDriver(t, { values });
  const fresh = anNfsDriver(t, { values });
  const records = { ...fresh.parts.records, isNewInstallation: async () => true };
  const first = anNfsDriver(t, { values, state: fresh.state, parts: { records } });
  await first.driver.doSetup(never);
  const later = await aReadyNfsDriver(t, { values, state: fresh.state });

  const marker = join(first.folder, '.cinderSecureEnvIndicator');
  assert.equal(
    readFileSync(marker, 'utf8'),
    'Detector file for Cinder secure environment usage.\nDo not delete this file.\n',
  );
  assert.equal(modeOf(marker), '640');
  assert.deepEqual(readdirSync(old.folder), []);
  for (const [{ driver, folder }, mode] of [
    [old, '666'],
    [later, '660'],
  ] as const) {
    const volume = aVolume();
    await driver.createVolume(volume, never);
    assert.equal(modeOf(join(folder, `volume-${volume.id}`)), mode);
  }
  const snapshots = { ...values, nfs_snapshot_support: true };
  await assert.rejects(anNfsDriver(t, { values: snapshots, state: fresh.state }).driver.doSetup(never), {
    name: 'VolumeDriverException',
    message: /Snapshots are not supported with nas_secure_file_operations enabled/,
  });
  await assert.rejects(
    anNfsDriver(t, { values: { nas_secure_file_operations: 'maybe' } }).driver.doSetup(never),
    /invalid/,
  );
});

test('snapshots need nfs_snapshot_support [config 12.2]', async (t) => {
  const { driver } = await aReadyNfsDriver(t, { values: { nfs_snapshot_support: false } });
  const volume = aVolume({ status: 'available' });
  await driver.createVolume(volume, never);

  await assert.rejects(driver.createSnapshot(aSnapshot(volume), volume, never), {
    message: /NFS driver snapshot support is disabled in cinder.conf/,
  });
});

withImages(
  'hosts are told share, active file, format and mount options, beside them the base of mount points [storage 2.3]',
  async (t) => {
    const { driver, state, parts } = await aReadyNfsDriver(t);
    const volume = aVolume({ status: 'available', provider_location: aShare });
    const snapshot = aSnapshot(volume);
    await driver.createVolume(volume, never);

    const plain = await driver.initializeConnection(volume, {}, never);
    await driver.createSnapshot(snapshot, volume, never);
    writeFileSync(join(state, 'shares'), `${aShare} -o vers=4.2\n`);
    await driver.getVolumeStats(never);
    const later = await driver.initializeConnection(volume, {}, never);

    const name = parts.naming.volume(volume);
    const mount_point_base = join(state, 'mnt');
    assert.deepEqual(plain, {
      driver_volume_type: 'nfs',
      data: { export: aShare, name, options: null, format: 'raw' },
      mount_point_base,
    });
    assert.deepEqual(later, {
      driver_volume_type: 'nfs',
      data: { export: aShare, name: `${name}.${snapshot.id}`, options: '-o vers=4.2', format: 'qcow2' },
      mount_point_base,
    });
    await assert.rejects(driver.initializeConnection({ ...volume, size: 2 }, {}, never), {
      name: 'InvalidVolume',
      message: /does not match the size in cinder/,
    });
  },
);

withImages('what a guest writes at the start of a raw volume does not make another format of it [S-51]', async (t) => {
  const { driver, folder, state } = await aReadyNfsDriver(t);
  const volume = aVolume({ status: 'available', admin_metadata: { format: 'raw' } });
  const unknown = aVolume({ status: 'available' });
  const secret = join(state, 'secret');
  writeFileSync(secret, '');
  truncateSync(secret, GiB);
  for (const each of [volume, unknown]) {
    await driver.createVolume(each, never);
    const forged = join(state, 'forged');
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', secret, '-F', 'raw', forged]);
    execFileSync('dd', [`if=${forged}`, `of=${join(folder, `volume-${each.id}`)}`, 'conv=notrunc', 'status=none']);
  }

  const { data } = await driver.initializeConnection(volume, {}, never);

  assert.equal(data['format'], 'raw');
  await driver.createSnapshot(aSnapshot(volume), volume, never);
  const [overlay] = readdirSync(folder).filter(
    (name) => name.startsWith(`volume-${volume.id}.`) && !name.endsWith('.info'),
  );
  assert.equal(infoOf(join(folder, overlay ?? ''))['backing-filename-format'], 'raw');
  await assert.rejects(driver.initializeConnection(unknown, {}, never), /whether .* is raw or qcow2 cannot be told/);
});

withImages('the files of a chain are those of upstream: names, .info and headers [storage 3.3]', async (t) => {
  const { driver, folder } = await aReadyNfsDriver(t, { values: { nas_secure_file_permissions: 'true' } });
  const volume = aVolume({ status: 'available' });
  const snapshots = ['aaaaaaaa-0000-4000-8000-000000000001', '11111111-0000-4000-8000-000000000002'].map((id) =>
    aSnapshot(volume, { id }),
  );
  await driver.createVolume(volume, never);
  const name = `volume-${volume.id}`;
  const [one, two] = snapshots.map(({ id }) => `${name}.${id}`);

  for (const snapshot of snapshots) await driver.createSnapshot(snapshot, volume, never);

  assert.equal(
    readFileSync(join(folder, `${name}.info`), 'utf8'),
    `{\n "11111111-0000-4000-8000-000000000002": "${two}",\n "aaaaaaaa-0000-4000-8000-000000000001": "${one}",\n "active": "${two}"\n}`,
  );
  assert.deepEqual(readdirSync(folder).sort(), [name, `${name}.info`, two, one].sort());
  for (const file of readdirSync(folder)) assert.equal(modeOf(join(folder, file)), '660');
  const [first, second] = [one, two].map((file) => infoOf(join(folder, file ?? '')));
  assert.deepEqual([first?.['backing-filename'], first?.['backing-filename-format']], [name, 'raw']);
  assert.deepEqual([second?.['backing-filename'], second?.['backing-filename-format']], [one, 'qcow2']);

  for (const snapshot of snapshots) await driver.deleteSnapshot(snapshot, volume, never);

  assert.equal(readFileSync(join(folder, `${name}.info`), 'utf8'), `{\n "active": "${name}"\n}`);
  assert.deepEqual(readdirSync(folder).sort(), [name, `${name}.info`]);
  await driver.deleteVolume(volume, never);
  assert.deepEqual(readdirSync(folder), []);
});

test('a revert asks for no snapshot of the state before, which would only make the chain longer [manager 6.3]', async (t) => {
  const { driver } = await aReadyNfsDriver(t);

  assert.equal(driver.snapshotRevertUseTempSnapshot(), false);
});

test('a volume that is attached, or about to be, is not touched behind its guest [storage 3.3]', async (t) => {
  const { driver } = await aReadyNfsDriver(t);
  const volume = aVolume({ status: 'available', provider_location: aShare });
  await driver.createVolume(volume, never);
  const inUse = attached(volume, [{ host: 'one' }]);
  const refused = { name: 'InvalidVolume', message: /Acceptable states for this operation|is attached/ };

  for (const state of [inUse, { ...volume, status: 'reserved' }]) {
    await assert.rejects(driver.createClonedVolume(aVolume(), state, never, progress), refused);
    await assert.rejects(driver.revertToSnapshot(state, aSnapshot(volume), never, progress), refused);
  }
  await assert.rejects(driver.createSnapshot(aSnapshot(volume), { ...volume, status: 'reserved' }, never), refused);
  await assert.rejects(
    driver.withLocalPath(inUse, { write: true }, async () => 1, never),
    refused,
  );
});

withImages(
  'files of a share become volumes, and what cannot be one is listed with its reason [manager 10]',
  async (t) => {
    const { driver, folder, parts } = await aReadyNfsDriver(t);
    const data = nfsData(folder, parts.naming);
    const known = aVolume({ status: 'available' });
    await driver.createVolume(known, never);
    await driver.createSnapshot(aSnapshot(known), known, never);
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', join(folder, 'disk.qcow2'), '1025M']);
    execFileSync('qemu-img', [
      'create',
      '-q',
      '-f',
      'qcow2',
      '-b',
      'disk.qcow2',
      '-F',
      'qcow2',
      join(folder, 'over.qcow2'),
    ]);
    writeFileSync(join(folder, 'raw.img'), 'raw');
    writeFileSync(join(folder, 'empty'), '');
    const named = (file: string) => ({ 'source-name': `${aShare}/${file}` });

    const listed = await driver.getManageableVolumes([known], never);
    const made = [];
    for (const file of ['disk.qcow2', 'raw.img']) {
      const volume = aVolume({ size: 0, status: 'managing' });
      const size = await driver.manageExistingGetSize(volume, named(file), never);
      if (file === 'disk.qcow2') execFileSync('rm', [join(folder, 'over.qcow2')]);
      const update = await driver.manageExisting(volume, named(file), never);
      assert.deepEqual(await driver.manageExisting(volume, named(file), never), update);
      made.push([size, update.admin_metadata?.['format'], update.provider_location, await data.size(volume)]);
    }

    assert.deepEqual(
      listed
        .map((each) => [
          each.reference['source-name'],
          each.size,
          each.safe_to_manage,
          each.reason_not_safe,
          each.cinder_id,
        ])
        .sort(),
      [
        [`${aShare}/disk.qcow2`, 2, true, null, null],
        [`${aShare}/empty`, 0, false, 'The file is empty.', null],
        [`${aShare}/over.qcow2`, 0, false, 'Backing file present.', null],
        [`${aShare}/raw.img`, 1, true, null, null],
        [`${aShare}/volume-${known.id}`, 1, false, 'already managed', known.id],
      ],
    );
    assert.deepEqual(made, [
      [2, 'qcow2', aShare, 2 * GiB],
      [1, 'raw', aShare, GiB],
    ]);
    for (const reference of [
      {},
      named('none'),
      { 'source-name': 'other:/share/raw.img' },
      named('../raw.img'),
      named('empty'),
    ]) {
      await assert.rejects(driver.manageExistingGetSize(aVolume(), reference, never), {
        name: 'ManageExistingInvalidReference',
      });
    }
  },
);

withImages('a share that answers no more keeps its operations waiting, and nothing else [S-19, O-11]', async (t) => {
  const { driver, bin } = await aReadyNfsDriver(t);
  script(join(bin, 'dd'), 'exec sleep 60');
  const stop = new AbortController();

  const waiting = driver.deleteVolume(aVolume({ provider_location: aShare }), stop.signal);
  const began = performance.now();
  setTimeout(() => stop.abort(), 100);

  await assert.rejects(waiting, { name: 'AbortError' });
  assert.ok(performance.now() - began < 20_000);
});

test('locks bear the names of upstream’s driver [manager 13]', async (t) => {
  const names: string[] = [];
  const { parts } = anNfsDriver(t);
  const coordinator = {
    ...parts.coordinator,
    withLock: <T>(name: string, body: () => Promise<T>) => {
      names.push(name);
      return body();
    },
  };
  const { driver } = await aReadyNfsDriver(t, { parts: { coordinator } });
  const volume = aVolume();

  await driver.createVolume(volume, never);
  await driver.deleteSnapshot(aSnapshot(volume), volume, never);
  await driver.deleteVolume(volume, never);

  assert.deepEqual(names, [`nfs-${volume.id}`, `nfs-${volume.id}`, `nfs-${volume.id}`]);
});
