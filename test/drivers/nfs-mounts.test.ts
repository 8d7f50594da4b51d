import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseMounts } from '../../src/base/mounts.ts';
import { parseShares } from '../../src/drivers/nfs-mounts.ts';
import { anNfsDriver, aReadyNfsDriver, aShare, script } from '../support/nfs-share.ts';
import { aVolume } from '../support/resources.ts';

const never = new AbortController().signal;

test('the file of shares has a share a line, with options, comments and blanks as \\040 [storage 3.3]', () => {
  const ignored: string[] = [];
  const text = '# one\n\nhost:/a\nhost:/b  -o ro,vers=4 --v \n[fe80::1]:/c\\040d\r\nnot a share\n  \nhost:/a -o rw\n';

  const shares = parseShares(text, (share) => ignored.push(share));

  assert.deepEqual(
    [...shares],
    [
      ['host:/a', '-o rw'],
      ['host:/b', '-o ro,vers=4 --v'],
      ['[fe80::1]:/c d', null],
    ],
  );
  assert.deepEqual(ignored, ['not']);
});

test('mount points with blanks are those of the kernel’s table', () => {
  const text = 'proc /proc proc rw 0 0\nh:/a\\040b /mnt/a\\040b\\134c nfs4 rw 0 0\n';

  assert.deepEqual(
    parseMounts(text).map(({ point }) => point),
    ['/proc', '/mnt/a b\\c'],
  );
});

test('a share is mounted at the md5 of its name, as NFS 4.1 first, with the options of the backend and its own [storage 3.3]', async (t) => {
  const { state, calls, bin, mounts, driver } = anNfsDriver(t, {
    values: { nfs_mount_options: 'hard,minorversion=2' },
  });
  const log = join(state, 'mount.log');
  script(
    join(bin, 'mount'),
    `echo "$*" >>${log}; case "$*" in *minorversion=1*) echo no 4.1 >&2; exit 32;; esac
    for last; do :; done; echo "x $last" >>${mounts}`,
  );
  writeFileSync(join(state, 'shares'), `${aShare} -o ro --verbose\n`);

  await driver.doSetup(never);
  await driver.doSetup(never);

  const point = join(state, 'mnt', '482786cdee898df3f23222e34e3212f7');
  assert.deepEqual(calls(), [
    `-t nfs -o hard,vers=4,minorversion=1 -o ro --verbose ${aShare} ${point}`,
    `-t nfs -o hard,minorversion=2 -o ro --verbose ${aShare} ${point}`,
  ]);
});

test('a mount that fails is tried as often as nfs_mount_attempts says; other shares serve meanwhile [storage 3.3]', async (t) => {
  const { state, bin, mounts, driver, calls, logger } = anNfsDriver(t, {
    shares: ['bad:/share', aShare],
    values: { nfs_mount_attempts: 3, nfs_mount_options: 'vers=4.2' },
  });
  script(
    join(bin, 'mount'),
    `echo "$*" >>${join(state, 'mount.log')}
    case "$*" in *bad:*) echo "mount.nfs: Connection refused" >&2; exit 32;; esac
    for last; do :; done; echo "x $last" >>${mounts}`,
  );

  await driver.doSetup(never);
  const { provider_location } = await driver.createVolume(aVolume(), never);

  assert.equal(provider_location, aShare);
  assert.equal(calls().filter((call) => call.includes('bad:')).length, 3 * 2);
  assert.ok(logger.lines.some((line) => /ERROR.*Exception during mounting .*Connection refused/.test(line)));
  await assert.rejects(driver.ensureExport(aVolume({ provider_location: 'bad:/share' }), never), {
    name: 'NfsException',
    message: /Connection refused/,
  });
});

test('a set-up without shares, without their file or without mount.nfs says so [storage 3.3]', async (t) => {
  const none = anNfsDriver(t, { shares: [] });
  const noFile = anNfsDriver(t, { values: { nfs_shares_config: '/nonexistent/shares' } });

  await assert.rejects(none.driver.doSetup(never), { name: 'NfsNoSharesMounted' });
  await assert.rejects(noFile.driver.doSetup(never), /NFS config file at \/nonexistent\/shares doesn't exist/);
  const values = { max_over_subscription_ratio: 'auto' };
  await assert.rejects(anNfsDriver(t, { values }).driver.doSetup(never), /does not support automatic/);
});

test('a single share of nas_host needs no file, and its options are not handed to mount as bare words [config 12.2]', async (t) => {
  const values = { nfs_shares_config: '', nas_host: 'nas', nas_share_path: '/export', nas_mount_options: 'vers=3' };

  const { calls, driver, state } = await aReadyNfsDriver(t, { values });
  const update = await driver.createVolume(aVolume(), never);

  assert.match(calls().join('\n'), new RegExp(`^-t nfs -o vers=3 nas:/export ${state}/mnt/[0-9a-f]{32}$`));
  assert.equal(update.provider_location, 'nas:/export');
});

test('an unmounted share is mounted again before anything is written below its mount point [storage 3.3]', async (t) => {
  const { driver, mounts, calls } = await aReadyNfsDriver(t);
  const before = calls().length;
  writeFileSync(mounts, '');

  await driver.createVolume(aVolume(), never);

  assert.equal(calls().length, before + 1);
});
