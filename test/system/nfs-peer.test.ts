import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import nfsDriver from '../../src/drivers/nfs.ts';
import type { Snapshot } from '../../src/objects/snapshot.ts';
import type { Volume } from '../../src/objects/volume.ts';
import { driverParts, reading } from '../support/driver-parts.ts';
import { activeFile, aShare, nfsData, sharePoint, snapshotFile, textsAt, whyNoQemu } from '../support/nfs-share.ts';
import { aPythonPeer } from '../support/python-peer.ts';
import { aSnapshot, aVolume } from '../support/resources.ts';

const never = new AbortController().signal;
const progress = (): void => {};
const GiB = 2 ** 30;
const MiB = 2 ** 20;

function whyNoPeer(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can mount a share';
  try {
    execFileSync('/usr/bin/python3', ['-c', 'import cinder'], { stdio: 'ignore' });
  } catch {
    return 'python3-cinder is not installed';
  }
  return whyNoQemu();
}

/** Upstream's driver and ours on one share: a bind mount stands where both would mount it. */
async function bothDrivers(t: TestContext) {
  const state = mkdtempSync(join(tmpdir(), 'vd-'));
  const folder = sharePoint(state, aShare);
  for (const made of [folder, join(state, 'export')]) mkdirSync(made, { recursive: true });
  execFileSync('mount', ['--bind', join(state, 'export'), folder]);
  t.after(() => {
    execFileSync('umount', ['--lazy', folder]);
    rmSync(state, { recursive: true, force: true });
  });
  writeFileSync(join(state, 'shares'), `${aShare}\n`);
  const values = {
    nfs_shares_config: join(state, 'shares'),
    nfs_mount_point_base: join(state, 'mnt'),
    nfs_snapshot_support: true,
    nas_secure_file_operations: 'false',
    nas_secure_file_permissions: 'false',
    max_over_subscription_ratio: '1000',
  };
  const parts = driverParts(state);
  const ours = await nfsDriver.create(parts, reading(values));
  t.after(() => ours.close());
  await ours.doSetup(never);
  return {
    ours,
    theirs: await aPythonPeer(t, 'nfs-peer.py', state, join(state, 'shares')),
    folder,
    data: nfsData(folder, parts.naming),
  };
}

const why = whyNoPeer();
function rule(title: string, body: (t: TestContext) => Promise<void>): void {
  test(title, { timeout: 600_000 }, async (t) => (why === undefined ? body(t) : t.skip(why)));
}

const row = (given: Partial<Volume> = {}): Volume =>
  aVolume({ status: 'available', provider_location: aShare, admin_metadata: { format: 'raw' }, ...given });
const ready = (volume: Volume): Snapshot => aSnapshot(volume, { status: 'available', volume });
const modes = (folder: string): unknown =>
  Object.fromEntries(
    readdirSync(folder).map((file) => [file.replace(/[0-9a-f-]{36}/g, 'ID'), statSync(join(folder, file)).mode]),
  );

rule('one makes what the other makes: connection, files, modes and .info [storage 3.3, 2.3]', async (t) => {
  const { ours, theirs, folder } = await bothDrivers(t);
  const seen: Record<string, unknown>[] = [];

  for (const who of ['theirs', 'ours']) {
    const volume = row({ id: '11111111-2222-4333-8444-555555555555' });
    const snapshot = aSnapshot(volume, { id: 'aaaaaaaa-2222-4333-8444-555555555555', status: 'available' });
    const created =
      who === 'ours' ? await ours.createVolume(volume, never) : await theirs({ do: 'create_volume', volume });
    if (who === 'ours') await ours.createSnapshot(snapshot, volume, never, progress);
    else await theirs({ do: 'create_snapshot', volume, snapshot });
    const info = readFileSync(join(folder, `volume-${volume.id}.info`), 'utf8');
    const files = modes(folder);
    const connection =
      who === 'ours'
        ? await ours.initializeConnection(volume, {}, never)
        : await theirs({ do: 'initialize_connection', volume });
    const header = execFileSync('qemu-img', ['info', activeFile(folder, `volume-${volume.id}`)]).toString();
    seen.push({
      location: (created as { provider_location: string }).provider_location,
      info,
      files,
      connection,
      header,
    });
    if (who === 'ours') await ours.deleteSnapshot(snapshot, volume, never);
    else await theirs({ do: 'delete_snapshot', volume, snapshot });
    seen.push({ info: readFileSync(join(folder, `volume-${volume.id}.info`), 'utf8'), files: modes(folder) });
    if (who === 'ours') await ours.deleteVolume(volume, never);
    else await theirs({ do: 'delete_volume', volume });
    assert.deepEqual(readdirSync(folder), []);
  }

  assert.deepEqual(seen.slice(2), seen.slice(0, 2));
});

rule('each works on the volumes and snapshots of the other, and the data stay [storage 3.3]', async (t) => {
  const { ours, theirs, folder, data } = await bothDrivers(t);
  const theirVolume = row();
  const ourVolume = row();
  const offsets = [0, MiB, 100 * MiB];
  const read = (volume: Volume): string => textsAt(activeFile(folder, `volume-${volume.id}`), offsets);
  const held = (snapshot: Snapshot): string =>
    textsAt(snapshotFile(folder, `volume-${snapshot.volume_id}`, snapshot.id) ?? assert.fail(), offsets);
  await theirs({ do: 'create_volume', volume: theirVolume });
  await ours.createVolume(ourVolume, never);
  const chains = [
    { volume: theirVolume, snapshots: [0, 1, 2].map(() => ready(theirVolume)) },
    { volume: ourVolume, snapshots: [0, 1, 2].map(() => ready(ourVolume)) },
  ];
  const content = ['time 0 ------ ------', 'time 1 ------ ------', 'time 2 ------ ------'];

  for (const { volume, snapshots } of chains) {
    for (const [at, snapshot] of snapshots.entries()) {
      await data.write(volume, 0, Buffer.from(`time ${at}`));
      // Taken by turns: each puts a file on the other's.
      if ((at + Number(volume === ourVolume)) % 2 === 0) await theirs({ do: 'create_snapshot', volume, snapshot });
      else await ours.createSnapshot(snapshot, volume, never, progress);
    }
    await data.write(volume, 100 * MiB, Buffer.from('latest'));
    assert.deepEqual(snapshots.map(held), content);
  }

  const copies = [];
  for (const { volume, snapshots } of chains) {
    const [first, middle, last] = snapshots as [Snapshot, Snapshot, Snapshot];
    const [byOurs, byTheirs, clone] = [row(), row(), row({ size: 2 })];
    await ours.createVolumeFromSnapshot(byOurs, { ...middle, volume }, never, progress);
    // Upstream of Debian 12 refuses to copy a file that stands on another: it can do so with the first snapshot only.
    await theirs({ do: 'create_volume_from_snapshot', volume: byTheirs, snapshot: first, source: volume });
    await ours.createClonedVolume(clone, volume, never, progress);
    copies.push([read(byOurs), read(byTheirs), read(clone)]);
    await theirs({ do: 'delete_snapshot', volume, snapshot: middle });
    await ours.deleteSnapshot(first, volume, never);
    assert.equal(held(last), content[2]);
    assert.deepEqual(
      await ours.initializeConnection(volume, {}, never),
      await theirs({ do: 'initialize_connection', volume }),
    );
    await theirs({ do: 'delete_snapshot', volume, snapshot: last });
    assert.equal(read(volume), 'time 2 ------ latest');
    await ours.extendVolume(volume, 2, never);
    await theirs({ do: 'extend_volume', volume: { ...volume, size: 2 }, size: 3 });
    assert.equal(await data.size(volume), 3 * GiB);
    assert.deepEqual(
      await ours.initializeConnection({ ...volume, size: 3 }, {}, never),
      await theirs({ do: 'initialize_connection', volume: { ...volume, size: 3 } }),
    );
    for (const copy of [byOurs, byTheirs]) await theirs({ do: 'delete_volume', volume: copy });
    await ours.deleteVolume(clone, never);
  }
  await theirs({ do: 'delete_volume', volume: ourVolume });
  await ours.deleteVolume(theirVolume, never);

  const expected = [content[1], content[0], 'time 2 ------ latest'];
  assert.deepEqual(copies, [expected, expected]);
  assert.deepEqual(readdirSync(folder), []);
});
