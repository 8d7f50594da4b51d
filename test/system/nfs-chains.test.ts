import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Snapshot } from '../../src/objects/snapshot.ts';
import type { Volume } from '../../src/objects/volume.ts';
import { volumeDriverConformance } from '../conformance/volume-driver.ts';
import {
  activeFile,
  aReadyNfsDriver,
  nfsData,
  script,
  snapshotFile,
  textsAt,
  whyNoQemu,
} from '../support/nfs-share.ts';
import { aSnapshot, aVolume } from '../support/resources.ts';

const never = new AbortController().signal;
const progress = (): void => {};
const GiB = 2 ** 30;
const MiB = 2 ** 20;
const why = whyNoQemu();

function rule(title: string, body: (t: TestContext) => Promise<void>): void {
  test(title, async (t) => (why === undefined ? body(t) : t.skip(why)));
}

if (why === undefined) {
  volumeDriverConformance('nfs with qcow2 volumes', async (t) => {
    const { driver, folder, parts } = await aReadyNfsDriver(t, { values: { nfs_qcow2_volumes: true } });
    return { driver, data: nfsData(folder, parts.naming) };
  });
}

/** A volume with three snapshots; what each of them, and the volume, has at its start. */
async function aChain(t: TestContext) {
  const subject = await aReadyNfsDriver(t);
  const { driver, folder, parts } = subject;
  const data = nfsData(folder, parts.naming);
  const volume = aVolume({ status: 'available' });
  const snapshots = [aSnapshot(volume), aSnapshot(volume), aSnapshot(volume)] as const;
  await driver.createVolume(volume, never);
  for (const [at, snapshot] of snapshots.entries()) {
    await data.write(volume, at * MiB, Buffer.from(`part ${at}`));
    await data.write(volume, 100 * MiB, Buffer.from(`time ${at}`));
    await driver.createSnapshot(snapshot, volume, never);
  }
  await data.write(volume, 100 * MiB, Buffer.from('time 3'));
  const offsets = [0, MiB, 2 * MiB, 100 * MiB];
  const read = (of: Volume): string => textsAt(activeFile(folder, parts.naming.volume(of)), offsets);
  const readSnapshot = (snapshot: Snapshot): string =>
    textsAt(snapshotFile(folder, parts.naming.volume(volume), snapshot.id) ?? assert.fail(), offsets);
  return { ...subject, data, volume, snapshots, read, readSnapshot };
}

const times = ['part 0 ------ ------ time 0', 'part 0 part 1 ------ time 1', 'part 0 part 1 part 2 time 2'];
const now = 'part 0 part 1 part 2 time 3';

rule('snapshots go in every order, and nobody’s data change [storage 3.3, S-14]', async (t) => {
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 0, 2],
    [1, 2, 0],
  ]) {
    const { driver, volume, snapshots, read, readSnapshot, folder } = await aChain(t);
    const left = new Set([0, 1, 2]);

    for (const which of order) {
      await driver.deleteSnapshot(snapshots[which] ?? assert.fail(), volume, never);
      left.delete(which);
      for (const other of left) assert.equal(readSnapshot(snapshots[other] ?? assert.fail()), times[other]);
      assert.equal(read(volume), now);
    }

    assert.equal(readdirSync(folder).length, 2);
  }
});

rule(
  'a volume with snapshots can be reverted to each, cloned, extended, and not deleted [manager 6.3, S-13, S-14]',
  async (t) => {
    const { driver, volume, snapshots, read, readSnapshot, data } = await aChain(t);
    const clone = aVolume({ size: 2, source_volid: volume.id });

    await driver.createClonedVolume(clone, volume, never, progress);
    await assert.rejects(driver.deleteVolume(volume, never), { name: 'VolumeIsBusy' });
    await driver.revertToSnapshot(volume, snapshots[1], never, progress);
    const reverted = read(volume);
    await data.write(volume, 100 * MiB, Buffer.from('time 4'));
    const afterwards = [];
    for (const snapshot of snapshots) afterwards.push(readSnapshot(snapshot));
    await driver.extendVolume(volume, 2, never);

    assert.equal(read(clone), now);
    assert.equal(reverted, times[1]);
    assert.deepEqual(afterwards, times);
    assert.equal(await data.size(volume), 2 * GiB);
    for (const snapshot of snapshots) await driver.deleteSnapshot(snapshot, volume, never);
    assert.equal(read(volume), 'part 0 part 1 ------ time 4');
    assert.equal(await data.size(volume), 2 * GiB);
  },
);

rule('a deletion that upstream was cut off in, after the file was gone, is finished [storage 3.3, S-10]', async (t) => {
  for (const which of [0, 1, 2]) {
    for (const rebased of which === 2 ? [false] : [false, true]) {
      const { driver, volume, snapshots, read, readSnapshot, folder } = await aChain(t);
      const name = `volume-${volume.id}`;
      const file = (at: number): string => join(folder, `${name}.${snapshots[at]?.id}`);
      execFileSync('qemu-img', ['commit', '-q', '-d', file(which)]);
      renameSync(file(which), `${file(which)}.gone`);
      if (rebased) {
        const below = which === 0 ? [name, 'raw'] : [`${name}.${snapshots[0].id}`, 'qcow2'];
        execFileSync('qemu-img', ['rebase', '-u', '-b', below[0] ?? '', '-F', below[1] ?? '', file(which + 1)], {
          cwd: folder,
        });
      }

      await driver.deleteSnapshot(snapshots[which] ?? assert.fail(), volume, never);

      assert.equal(read(volume), now);
      for (const [other, snapshot] of snapshots.entries()) {
        if (other !== which) assert.equal(readSnapshot(snapshot), times[other], `${which} ${rebased} ${other}`);
      }
    }
  }
});

rule('killed before or after each step, every operation on a chain can be repeated [S-12, S-18]', async (t) => {
  // mv, rm, chmod, dd and qemu-img are what changes anything: the n-th of them ends the process instead, or after it ran.
  const steps = ['qemu-img', 'mv', 'rm', 'chmod', 'dd'];
  const operations = {
    add: (c: Chain) => c.driver.createSnapshot(c.extra, c.volume, never),
    'remove first': (c: Chain) => c.driver.deleteSnapshot(c.snapshots[0], c.volume, never),
    'remove last': (c: Chain) => c.driver.deleteSnapshot(c.snapshots[2], c.volume, never),
    revert: (c: Chain) => c.driver.revertToSnapshot(c.volume, c.snapshots[2], never, progress),
  } as const;
  type Chain = Awaited<ReturnType<typeof aChain>> & { readonly extra: Snapshot };
  let cuts = 0;
  for (const [name, operation] of Object.entries(operations)) {
    const chain = await aChain(t);
    const pristine = join(chain.state, 'pristine');
    execFileSync('cp', ['-a', '--sparse=always', chain.folder, pristine]);
    for (const after of [false, true]) {
      for (let step = 1; ; step++) {
        execFileSync('rm', ['-rf', chain.folder]);
        execFileSync('cp', ['-a', '--sparse=always', pristine, chain.folder]);
        const extra = aSnapshot(chain.volume);
        const counter = join(chain.state, 'counter');
        writeFileSync(counter, '');
        for (const program of steps) {
          const real = `PATH=\${PATH#*:} ${program} "$@"`;
          // A failure stands for the end of the process: the driver's own tidying up fails as well from there on.
          script(
            join(chain.bin, program),
            `case "$*" in info*|if=*|*--version*) ${real}; exit;; esac
             echo x >>${counter}; n=$(wc -l <${counter})
             [ $n -lt ${step} ] && { ${real}; exit; }
             [ $n -eq ${step} ] && ${after} && { ${real}; exit 9; }
             exit 9`,
          );
        }
        const cut = await operation({ ...chain, extra }).then(
          () => false,
          () => true,
        );
        for (const program of steps) execFileSync('/bin/rm', ['-f', join(chain.bin, program)]);
        if (!cut) break;
        cuts += 1;
        await operation({ ...chain, extra });

        const where = `${name}, ${after ? 'after' : 'before'} step ${step}`;
        assert.equal(chain.read(chain.volume), name === 'revert' ? times[2] : now, where);
        if (name === 'add') assert.equal(chain.readSnapshot(extra), now, where);
        if (name !== 'remove first') assert.equal(chain.readSnapshot(chain.snapshots[0]), times[0], where);
        assert.equal(chain.readSnapshot(chain.snapshots[1]), times[1], where);
        assert.deepEqual(
          readdirSync(chain.folder).filter((file) => file.startsWith('.')),
          [],
          where,
        );
        assert.ok(step < 20, where);
      }
    }
  }
  assert.ok(cuts > 20, `${cuts} cuts`);
});

rule('a link, a folder or a file of others in a chain is an error that names it [S-32]', async (t) => {
  const { driver, volume, snapshots, folder, state } = await aChain(t);
  const name = `volume-${volume.id}`;
  const info = join(folder, `${name}.info`);
  const good = readFileSync(info, 'utf8');

  for (const bad of ['{}', 'no json', '[]', '{"active": "../etc/passwd"}', `{"active": "${name}-other"}`]) {
    writeFileSync(info, bad);
    await assert.rejects(driver.createExport(volume, {}, never), /\.info cannot be understood/);
    await assert.rejects(driver.deleteSnapshot(snapshots[0], volume, never), /\.info cannot be understood/);
  }
  writeFileSync(info, good);
  const top = join(folder, `${name}.${snapshots[2].id}`);
  execFileSync('qemu-img', ['rebase', '-u', '-b', '/etc/passwd', '-F', 'raw', top]);
  await assert.rejects(driver.deleteSnapshot(snapshots[2], volume, never), /stands on \/etc\/passwd, which is no file/);
  const link = aVolume();
  mkdirSync(join(state, 'elsewhere'));
  symlinkSync(join(state, 'elsewhere'), join(folder, `volume-${link.id}`));
  await assert.rejects(driver.createVolume(link, never), /is no plain file/);
});
