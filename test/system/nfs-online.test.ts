import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { DriverRecords } from '../../src/interface/driver-records.ts';
import type { NovaApi } from '../../src/interface/nova-api.ts';
import type { Snapshot } from '../../src/objects/snapshot.ts';
import {
  activeFile,
  aReadyNfsDriver,
  aShare,
  nfsData,
  snapshotFile,
  textsAt,
  whyNoQemu,
} from '../support/nfs-share.ts';
import { aSnapshot, attached, aVolume } from '../support/resources.ts';

const never = new AbortController().signal;
const MiB = 2 ** 20;
const offsets = [0, 100 * MiB];
const why = whyNoQemu();

function rule(title: string, body: (t: TestContext) => Promise<void>): void {
  test(title, async (t) => (why === undefined ? body(t) : t.skip(why)));
}

/** A volume that a guest uses, and a Nova that does by qemu-img what libvirt does. */
async function anAttachedVolume(t: TestContext) {
  const rows = new Map<string, { status: Snapshot['status']; progress: string | null }>();
  const calls: unknown[] = [];
  const told: string[] = [];
  let folder = '';
  let create = async (): Promise<void> => {};
  const image = (...words: string[]): void => void execFileSync('qemu-img', words, { cwd: folder });
  const nova: NovaApi = {
    async createVolumeSnapshot(volumeId, info) {
      calls.push([volumeId, info]);
      await create();
      rows.set(info.snapshot_id, { status: 'creating', progress: '90%' });
    },
    async deleteVolumeSnapshot(snapshotId, info) {
      calls.push([snapshotId, info]);
      const active = activeFile(folder, `volume-${info.volume_id}`);
      if (info.merge_target_file === null) {
        const base = info.file_to_merge;
        image('rebase', '-f', 'qcow2', '-b', base ?? '', ...(base === null ? [] : ['-F', formatOf(base)]), active);
      } else {
        const above = readdirSync(folder).find(
          (file) => /\.[0-9a-f-]{36}$/.test(file) && snapshotBelow(folder, file) === info.file_to_merge,
        );
        image('commit', '-q', '-d', info.file_to_merge ?? '');
        image(
          'rebase',
          '-u',
          '-f',
          'qcow2',
          '-b',
          info.merge_target_file,
          '-F',
          formatBelow(folder, info.file_to_merge ?? ''),
          above ?? '',
        );
      }
      rows.set(snapshotId, { status: 'deleting', progress: '90%' });
    },
  };
  const records: DriverRecords = {
    isNewInstallation: async () => false,
    snapshotState: async (id) => rows.get(id),
    setVolumeFormat: async (_id, format) => void told.push(`format ${format}`),
    setConnectedFile: async (_id, file) => void told.push(`file ${file}`),
  };
  const subject = await aReadyNfsDriver(t, { parts: { records, openNova: async () => nova } });
  folder = subject.folder;
  const { driver } = subject;
  const data = nfsData(folder, subject.parts.naming);
  const plain = aVolume({ status: 'available', provider_location: aShare, admin_metadata: { format: 'raw' } });
  await driver.createVolume(plain, never);
  const volume = attached(plain, [{ host: 'one' }]);
  const name = `volume-${volume.id}`;
  const snapshots: Snapshot[] = [];
  const take = async (content: string): Promise<Snapshot> => {
    await data.write(volume, 0, Buffer.from(content));
    const snapshot = aSnapshot(volume);
    rows.set(snapshot.id, { status: 'creating', progress: '0%' });
    snapshots.push(snapshot);
    await driver.createSnapshot(snapshot, volume, never);
    rows.set(snapshot.id, { status: 'available', progress: '100%' });
    return snapshot;
  };
  const drop = async (snapshot: Snapshot): Promise<void> => {
    rows.set(snapshot.id, { status: 'deleting', progress: '100%' });
    await driver.deleteSnapshot(snapshot, volume, never);
  };
  const read = (): string => textsAt(activeFile(folder, name), offsets);
  const held = ({ id }: Snapshot): string => textsAt(snapshotFile(folder, name, id) ?? assert.fail(), offsets);
  const info = (): unknown => JSON.parse(readFileSync(join(folder, `${name}.info`), 'utf8'));
  const onCreate = (body: () => Promise<void>): void => {
    create = body;
  };
  return { ...subject, data, volume, name, take, drop, read, held, info, calls, told, rows, onCreate };
}

function headerOf(folder: string, file: string): Readonly<Record<string, string>> {
  return JSON.parse(execFileSync('qemu-img', ['info', '-f', 'qcow2', '--output=json', join(folder, file)]).toString());
}

/** Only the first file of a chain bears no id of a snapshot, and is raw here. */
function formatOf(file: string): string {
  return file.includes('.') ? 'qcow2' : 'raw';
}

function snapshotBelow(folder: string, file: string): string | undefined {
  return headerOf(folder, file)['backing-filename'];
}

function formatBelow(folder: string, file: string): string {
  return headerOf(folder, file)['backing-filename-format'] ?? 'raw';
}

rule('Nova moves the guest to the file that we made, and hosts that attach later get it [storage 3.3]', async (t) => {
  const { take, held, read, info, calls, told, volume, name, data } = await anAttachedVolume(t);

  const snapshot = await take('before');
  await data.write(volume, 0, Buffer.from('after-'));

  const file = `${name}.${snapshot.id}`;
  assert.deepEqual(calls, [[volume.id, { type: 'qcow2', new_file: file, snapshot_id: snapshot.id }]]);
  assert.deepEqual(info(), { active: file, [snapshot.id]: file });
  assert.deepEqual(told, [`file ${file}`]);
  assert.deepEqual([held(snapshot), read()], ['before ------', 'after- ------']);
});

rule('Nova merges, in whatever order snapshots of an attached volume go [storage 3.3]', async (t) => {
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 2, 0],
  ]) {
    const { take, drop, held, read, volume, data, name, folder, told } = await anAttachedVolume(t);
    const content = ['time 0', 'time 1', 'time 2'];
    const snapshots: Snapshot[] = [];
    for (const text of content) snapshots.push(await take(text));
    await data.write(volume, 100 * MiB, Buffer.from('latest'));
    const left = new Set([0, 1, 2]);

    for (const at of order) {
      await drop(snapshots[at] ?? assert.fail());
      left.delete(at);
      for (const other of left) assert.equal(held(snapshots[other] ?? assert.fail()), `${content[other]} ------`);
      assert.equal(read(), 'time 2 latest');
    }

    assert.ok(told.includes('format qcow2'));
    assert.deepEqual(
      readdirSync(folder).filter((file) => file !== `${name}.info`).length,
      1,
      readdirSync(folder).join(' '),
    );
  }
});

rule('what a guest may write to is not removed: a cut off snapshot is finished or left [manager 2.3]', async (t) => {
  const { driver, volume, rows, onCreate, folder, name, info, calls, told, logger } = await anAttachedVolume(t);
  const snapshot = aSnapshot(volume);
  rows.set(snapshot.id, { status: 'creating', progress: '0%' });
  onCreate(() => Promise.reject(new Error('the connection to Nova broke')));

  await assert.rejects(driver.createSnapshot(snapshot, volume, never), /the connection to Nova broke/);
  const after = readdirSync(folder);
  await assert.rejects(driver.createSnapshot(snapshot, volume, never), {
    name: 'RemoteFSException',
    message: /was cut off/,
  });
  rows.set(snapshot.id, { status: 'creating', progress: '90%' });
  await driver.createSnapshot(snapshot, volume, never);

  const file = `${name}.${snapshot.id}`;
  assert.deepEqual(after.sort(), [name, file]);
  assert.ok(
    logger.lines.some(
      (line) => line.startsWith('ERROR') && line.includes(join(folder, file)) && line.includes(join(folder, name)),
    ),
  );
  assert.deepEqual(info(), { active: file, [snapshot.id]: file });
  assert.deepEqual([calls.length, told], [1, [`file ${file}`]]);
});

rule(
  'what recovery asks to finish is noted if Nova has done its part; nothing is made or removed [manager 2.3]',
  async (t) => {
    const { driver, volume, rows, onCreate, folder, name, info, calls, told, logger, take } = await anAttachedVolume(t);
    const [absent, half] = [aSnapshot(volume), aSnapshot(volume)];
    for (const snapshot of [absent, half]) rows.set(snapshot.id, { status: 'creating', progress: '0%' });
    onCreate(() => Promise.reject(new Error('the connection to Nova broke')));
    await assert.rejects(driver.createSnapshot(half, volume, never), /broke/);
    const [before, asked] = [readdirSync(folder).sort(), calls.length];

    for (const snapshot of [absent, half]) {
      await assert.rejects(driver.finishSnapshot(snapshot, volume, never), /was cut off/);
    }
    const after = readdirSync(folder).sort();
    rows.set(half.id, { status: 'creating', progress: '90%' });
    await driver.finishSnapshot(half, volume, never);
    const file = `${name}.${half.id}`;
    const noted = info();
    onCreate(async () => {});
    const second = await take('later');
    await driver.finishSnapshot(second, volume, never);

    assert.deepEqual(after, before);
    assert.deepEqual(noted, { active: file, [half.id]: file });
    const later = `${name}.${second.id}`;
    assert.deepEqual([calls.length, told], [asked + 1, [`file ${file}`, `file ${later}`, `file ${later}`]]);
    const named = logger.lines.filter((line) => line.startsWith('ERROR') && line.includes(`${join(folder, name)}.`));
    assert.equal(named.length, 2);
  },
);

rule('where Nova cannot be reached no file is made for it [storage 3.3]', async (t) => {
  const { driver, folder } = await aReadyNfsDriver(t);
  const plain = aVolume({ status: 'available', provider_location: aShare, admin_metadata: { format: 'raw' } });
  await driver.createVolume(plain, never);
  const volume = attached(plain, [{ host: 'one' }]);

  await assert.rejects(driver.createSnapshot(aSnapshot(volume), volume, never), /no Nova in this test/);

  assert.deepEqual(readdirSync(folder), [`volume-${plain.id}`]);
});

rule('Nova’s error, and a deletion meanwhile, end the wait [storage 3.3]', async (t) => {
  const { driver, volume, rows, onCreate } = await anAttachedVolume(t);

  for (const [status, name] of [
    ['error', 'RemoteFSException'],
    ['deleting', 'RemoteFSConcurrentRequest'],
  ] as const) {
    const snapshot = aSnapshot(volume);
    rows.set(snapshot.id, { status: 'creating', progress: '0%' });
    onCreate(async () => {
      setTimeout(() => rows.set(snapshot.id, { status, progress: null }), 100);
      await Promise.resolve();
    });
    const real = rows.set.bind(rows);
    rows.set = (id, row) => (row.progress === '90%' ? rows : real(id, row));
    await assert.rejects(driver.createSnapshot(snapshot, volume, never), { name });
    rows.set = real;
  }
});

rule(
  'a deletion that Nova has done, and we have not noted, is finished without asking again [storage 3.3]',
  async (t) => {
    const { take, drop, held, read, calls, folder, name, info } = await anAttachedVolume(t);
    const [first, second] = [await take('time 0'), await take('time 1')];
    const before = calls.length;
    execFileSync('qemu-img', ['rebase', '-f', 'qcow2', '-b', name, '-F', 'raw', `${name}.${second.id}`], {
      cwd: folder,
    });

    await drop(second);

    assert.equal(calls.length, before);
    assert.deepEqual([held(first), read()], ['time 0 ------', 'time 1 ------']);
    assert.deepEqual(info(), { active: `${name}.${second.id}`, [first.id]: `${name}.${second.id}` });
    assert.deepEqual(readdirSync(folder).sort(), [name, `${name}.${second.id}`, `${name}.info`].sort());
  },
);

rule(
  'the file of a cut off snapshot stays for the operator once a guest has written to it [manager 2.3]',
  async (t) => {
    const { driver, volume, rows, onCreate, folder, name } = await anAttachedVolume(t);
    const detached = { ...volume, status: 'available', attach_status: 'detached', volume_attachment: { objects: [] } };
    const [written, empty] = [aSnapshot(volume), aSnapshot(volume)];
    onCreate(() => Promise.reject(new Error('the connection to Nova broke')));
    for (const snapshot of [written, empty]) {
      rows.set(snapshot.id, { status: 'creating', progress: '0%' });
      await assert.rejects(driver.createSnapshot(snapshot, volume, never), /broke/);
    }
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write 0 512', join(folder, `${name}.${written.id}`)]);

    for (const snapshot of [written, empty]) await driver.deleteSnapshot(snapshot, detached, never);

    assert.deepEqual(readdirSync(folder).sort(), [name, `${name}.${written.id}`]);
    await assert.rejects(driver.createSnapshot(written, detached, never), /a guest has written to/);
    assert.deepEqual(readdirSync(folder).sort(), [name, `${name}.${written.id}`]);
  },
);
