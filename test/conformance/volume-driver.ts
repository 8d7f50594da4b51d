import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { VolumeDriver } from '../../src/interface/volume-driver.ts';
import type { Snapshot } from '../../src/objects/snapshot.ts';
import type { Volume } from '../../src/objects/volume.ts';
import { aSnapshot, aVolume } from '../support/resources.ts';

/** A driver that was set up on a backend of its own, and what the suite needs to look behind it. */
export interface DriverUnderTest {
  readonly driver: VolumeDriver;
  /** The data of a volume or snapshot; left out where the driver keeps none. */
  readonly data?: BackendData;
}

export interface BackendData {
  read(volume: Volume, offset: number, length: number): Promise<Buffer>;
  write(volume: Volume, offset: number, bytes: Buffer): Promise<void>;
  /** Bytes; undefined when there is no such thing on the backend. */
  size(volume: Volume): Promise<number | undefined>;
  snapshotSize(snapshot: Snapshot): Promise<number | undefined>;
  /** Names of whatever stands on the backend: nothing may stay behind. */
  leftOvers(): Promise<readonly string[]>;
}

const MiB = 2 ** 20;
const GiB = 2 ** 30;
const never = new AbortController().signal;
const progress = (): void => {};
const connector = { initiator: 'iqn.2026-11.org.example:one', host: 'one', ip: '127.0.0.1', multipath: false };
const other = { initiator: 'iqn.2026-11.org.example:two', host: 'two', ip: '127.0.0.1', multipath: false };

/** The rules that every volume driver keeps (storage.md §2.1, S-10 to S-22); the manager's repetitions rest on them. */
export function volumeDriverConformance(name: string, setUp: (t: TestContext) => Promise<DriverUnderTest>): void {
  const rule = (title: string, body: (subject: DriverUnderTest, t: TestContext) => Promise<void>): void => {
    test(`${name}: ${title}`, async (t) => {
      const subject = await setUp(t);
      t.after(() => subject.driver.close());
      await body(subject, t);
    });
  };
  const ruleOfData = (title: string, body: (subject: Required<DriverUnderTest>) => Promise<void>): void => {
    rule(title, async ({ driver, data }, t) => {
      if (data === undefined) return t.skip('this driver keeps no data');
      await body({ driver, data });
    });
  };

  rule('deleting what is absent succeeds, twice too [S-10]', async ({ driver }) => {
    const volume = aVolume();

    for (const _ of [1, 2]) {
      await driver.deleteVolume(volume, never);
      await driver.deleteSnapshot(aSnapshot(volume), volume, never);
      await driver.removeExport(volume, never);
      await driver.terminateConnection(volume, connector, never);
      await driver.terminateConnection(volume, undefined, never);
    }
  });

  rule('reports what the scheduler needs, numbers as numbers [scheduler 3.2]', async ({ driver }) => {
    const stats = await driver.getVolumeStats(never);

    for (const key of ['volume_backend_name', 'vendor_name', 'driver_version', 'storage_protocol']) {
      assert.equal(typeof stats[key], 'string', key);
    }
    for (const pool of stats.pools ?? [stats]) {
      if (stats.pools !== undefined) assert.equal(typeof pool['pool_name'], 'string');
      for (const key of ['total_capacity_gb', 'free_capacity_gb']) {
        const value = pool[key];
        assert.ok(typeof value === 'number' || value === 'infinite' || value === 'unknown', key);
      }
      assert.notEqual(pool['provisioned_capacity_gb'], null);
      assert.ok(Number.isInteger(pool['reserved_percentage']));
    }
  });

  rule('set-up may be repeated, closing too', async ({ driver }) => {
    await driver.doSetup(never);
    await driver.getVolumeStats(never);

    await driver.close();
    await driver.close();
  });

  rule('connecting may be repeated and gives the same each time [S-11, R-05]', async ({ driver }) => {
    const volume = aVolume();
    await driver.createVolume(volume, never);
    driver.validateConnector(connector);

    const first = await driver.createExport(volume, connector, never);
    const again = await driver.createExport(volume, connector, never);
    const row = { ...volume, ...first };
    const known = await driver.createExport(row, connector, never);
    await driver.ensureExport(row, never);
    const infos = [
      await driver.initializeConnection(row, connector, never),
      await driver.initializeConnection(row, connector, never),
    ];
    await driver.ensureExport(row, never);
    infos.push(await driver.initializeConnection(row, connector, never));

    assert.deepEqual([again, known], [first, first]);
    assert.deepEqual(infos, [infos[0], infos[0], infos[0]]);
    for (const _ of [1, 2]) assert.equal(await driver.terminateConnection(row, connector, never), false);
    for (const _ of [1, 2]) await driver.removeExport(row, never);
    await driver.deleteVolume(row, never);
  });

  rule('what is written to the row fits its columns [S-22]', async ({ driver }) => {
    const volume = aVolume();
    await driver.createVolume(volume, never);

    const update = await driver.createExport(volume, connector, never);

    for (const column of ['provider_location', 'provider_auth'] as const) {
      assert.ok((update[column] ?? '').length <= 256, column);
    }
    await driver.removeExport({ ...volume, ...update }, never);
  });

  rule('terminating without a connector ends every connection [S-11]', async ({ driver }) => {
    const volume = aVolume();
    await driver.createVolume(volume, never);
    const row = { ...volume, ...(await driver.createExport(volume, connector, never)) };
    await driver.initializeConnection(row, connector, never);
    await driver.initializeConnection(row, other, never);

    assert.equal(await driver.terminateConnection(row, undefined, never), false);
    assert.equal(await driver.terminateConnection(row, undefined, never), false);
    await driver.removeExport(row, never);
  });

  rule('many operations side by side do not disturb each other', async ({ driver }) => {
    const volumes = Array.from({ length: 16 }, () => aVolume());

    await Promise.all(volumes.map((volume) => driver.createVolume(volume, never)));
    const exports = await Promise.all(volumes.map((volume) => driver.createExport(volume, connector, never)));
    await Promise.all(volumes.map((volume, i) => driver.removeExport({ ...volume, ...exports[i] }, never)));
    await Promise.all(volumes.map((volume) => driver.deleteVolume(volume, never)));
  });

  rule('nothing happens for a signal that has aborted [S-18]', async ({ driver, data }) => {
    const volume = aVolume();
    const aborted = AbortSignal.abort();

    await assert.rejects(driver.createVolume(volume, aborted), { name: 'AbortError' });

    assert.equal(await data?.size(volume), undefined);
    assert.deepEqual((await data?.leftOvers()) ?? [], []);
  });

  ruleOfData(
    'a new volume has its size and reads as zeros, also over the remains of an earlier run [S-12, S-16]',
    async ({ driver, data }) => {
      const volume = aVolume();
      await driver.createVolume(volume, never);
      await data.write(volume, 10 * MiB, Buffer.from('old data'));

      await driver.createVolume(volume, never);
      await driver.deleteVolume(volume, never);
      await driver.createVolume(volume, never);

      assert.equal(await data.size(volume), GiB);
      assert.deepEqual(await data.read(volume, 10 * MiB, 8), Buffer.alloc(8));
    },
  );

  ruleOfData(
    'snapshots and clones keep the data of their moment, and may be larger than their source [S-13]',
    async ({ driver, data }) => {
      const source = aVolume({ status: 'available' });
      const snapshot = aSnapshot(source);
      const fromSnapshot = aVolume({ size: 2, snapshot_id: snapshot.id });
      const clone = aVolume({ size: 3, source_volid: source.id });
      await driver.createVolume(source, never);
      await data.write(source, 5 * MiB, Buffer.from('first'));
      await data.write(source, GiB - 4, Buffer.from('last'));

      await driver.createSnapshot(snapshot, source, never, progress);
      await data.write(source, 5 * MiB, Buffer.from('later'));
      await driver.createVolumeFromSnapshot(fromSnapshot, snapshot, never, progress);
      await driver.createClonedVolume(clone, source, never, progress);
      await data.write(fromSnapshot, 5 * MiB, Buffer.from('own'));

      assert.deepEqual([await data.size(fromSnapshot), await data.size(clone)], [2 * GiB, 3 * GiB]);
      assert.equal(await data.snapshotSize(snapshot), GiB);
      assert.equal(String(await data.read(source, 5 * MiB, 5)), 'later');
      assert.equal(String(await data.read(clone, 5 * MiB, 5)), 'later');
      assert.equal(String(await data.read(fromSnapshot, 5 * MiB, 5)), 'ownst');
      assert.equal(String(await data.read(fromSnapshot, GiB - 4, 4)), 'last');
      assert.deepEqual(await data.read(fromSnapshot, 2 * GiB - 8, 8), Buffer.alloc(8));
    },
  );

  ruleOfData('what stands on its source is not lost with it [S-14]', async ({ driver, data }) => {
    const source = aVolume({ status: 'available' });
    const snapshot = aSnapshot(source);
    const clone = aVolume({ snapshot_id: snapshot.id });
    await driver.createVolume(source, never);
    await data.write(source, 0, Buffer.from('kept'));
    await driver.createSnapshot(snapshot, source, never, progress);
    await driver.createVolumeFromSnapshot(clone, snapshot, never, progress);

    const deletions = [
      await outcome(driver.deleteSnapshot(snapshot, source, never)),
      await outcome(driver.deleteVolume(source, never)),
    ];

    assert.ok(['done', 'SnapshotIsBusy'].includes(deletions[0] ?? ''), deletions[0]);
    assert.ok(['done', 'VolumeIsBusy'].includes(deletions[1] ?? ''), deletions[1]);
    assert.equal(String(await data.read(clone, 0, 4)), 'kept');
    if (deletions[1] === 'VolumeIsBusy') assert.equal(String(await data.read(source, 0, 4)), 'kept');
  });

  ruleOfData('growing keeps the data, adds zeros, and may be repeated [S-17]', async ({ driver, data }) => {
    const volume = aVolume({ status: 'available' });
    await driver.createVolume(volume, never);
    await data.write(volume, GiB - 4, Buffer.from('tail'));

    await driver.extendVolume(volume, 1, never);
    await driver.extendVolume(volume, 3, never);
    await driver.extendVolume(volume, 3, never);
    await driver.extendVolume({ ...volume, size: 3 }, 3, never);

    assert.equal(await data.size(volume), 3 * GiB);
    assert.equal(String(await data.read(volume, GiB - 4, 4)), 'tail');
    assert.deepEqual(await data.read(volume, 3 * GiB - 4, 4), Buffer.alloc(4));
    await assert.rejects(driver.extendVolume({ ...volume, size: 1 }, 2, never), { name: 'ExtendVolumeError' });
    assert.equal(await data.size(volume), 3 * GiB);
  });

  ruleOfData('reverting gives a volume the data of its snapshot, again and again [manager 6.3]', async (subject) => {
    const { driver, data } = subject;
    const volume = aVolume({ status: 'available' });
    const [first, second] = [aSnapshot(volume), aSnapshot(volume)];
    const copy = aVolume({ snapshot_id: second.id });
    await driver.createVolume(volume, never);
    await data.write(volume, 3 * MiB, Buffer.from('one'));
    await driver.createSnapshot(first, volume, never, progress);
    await data.write(volume, 3 * MiB, Buffer.from('two'));
    await driver.createSnapshot(second, volume, never, progress);
    await data.write(volume, 3 * MiB, Buffer.from('three'));
    const seen: string[] = [];

    for (const snapshot of driver.revertToSnapshot === undefined ? [] : [second, first, second, second]) {
      await driver.revertToSnapshot?.(volume, snapshot, never, progress);
      seen.push(String(await data.read(volume, 3 * MiB, 3)));
      await data.write(volume, 3 * MiB, Buffer.from('later'));
    }
    await driver.createVolumeFromSnapshot(copy, second, never, progress);

    assert.deepEqual(seen, driver.revertToSnapshot === undefined ? [] : ['two', 'one', 'two', 'two']);
    assert.equal(String(await data.read(copy, 3 * MiB, 3)), 'two');
    for (const snapshot of [first, second]) await driver.deleteSnapshot(snapshot, volume, never);
    assert.equal(String(await data.read(volume, 3 * MiB, 5)), seen.length > 0 ? 'later' : 'three');
    await driver.deleteVolume(volume, never);
    await driver.deleteVolume(copy, never);
    assert.deepEqual(await data.leftOvers(), []);
  });

  ruleOfData(
    'what is written to a local path is the data of the volume [manager 4.4, 9.5]',
    async ({ driver, data }) => {
      if (driver.withLocalPath === undefined) return;
      const volume = aVolume({ status: 'downloading' });
      await driver.createVolume(volume, never);

      const formats = [
        await driver.withLocalPath(
          volume,
          { write: true },
          async (path, format) => {
            if (format === 'raw') await putBytes(path, 7 * MiB, Buffer.from('image'));
            return format;
          },
          never,
        ),
        await driver.withLocalPath(volume, { write: false }, async (_path, format) => format, never),
      ];

      assert.equal(formats[0], formats[1]);
      if (formats[0] === 'raw') assert.equal(String(await data.read(volume, 7 * MiB, 5)), 'image');
      assert.equal(await data.size(volume), GiB);
      const failure = new Error('the image is no image');
      const failing = driver.withLocalPath(volume, { write: true }, () => Promise.reject(failure), never);
      await assert.rejects(failing, failure);
      await driver.deleteVolume(volume, never);
      assert.deepEqual(await data.leftOvers(), []);
    },
  );

  ruleOfData('names come from name_id [S-15]', async ({ driver, data }) => {
    const migrated = aVolume({ _name_id: randomUUID() });
    const original = aVolume({ id: migrated._name_id ?? '' });
    await driver.createVolume(original, never);
    await data.write(original, 0, Buffer.from('moved'));

    assert.equal(String(await data.read(migrated, 0, 5)), 'moved');
    await driver.deleteVolume(migrated, never);
    assert.equal(await data.size(original), undefined);
  });

  ruleOfData('what is made from nothing fails, and leaves nothing [S-18]', async ({ driver, data }) => {
    const volume = aVolume();
    const absent = aVolume({ status: 'available' });

    await assert.rejects(driver.createClonedVolume(volume, absent, never, progress), isCinderError);
    await assert.rejects(driver.createVolumeFromSnapshot(volume, aSnapshot(absent), never, progress), isCinderError);
    await assert.rejects(driver.createSnapshot(aSnapshot(absent), absent, never, progress), isCinderError);
    await assert.rejects(driver.extendVolume(absent, 2, never), isCinderError);
    await assert.rejects(driver.createExport(absent, connector, never), isCinderError);

    assert.deepEqual(await data.leftOvers(), []);
  });

  ruleOfData(
    'a volume of a size that no file can have is refused, and leaves nothing [S-18]',
    async ({ driver, data }) => {
      const source = aVolume({ status: 'available' });
      await driver.createVolume(source, never);
      const before = await data.leftOvers();

      for (const size of [0, -1, 0.5, 2 ** 23]) {
        const volume = aVolume({ size });
        const refused = {
          name: 'InvalidVolume',
          message: /^Invalid volume: size of volume \S+ is \S+; expected a number/,
        };
        await assert.rejects(driver.createVolume(volume, never), refused);
        await assert.rejects(driver.createClonedVolume(volume, source, never, progress), refused);
      }

      assert.deepEqual(await data.leftOvers(), before);
    },
  );

  ruleOfData('an abort at any moment leaves what a repetition takes further [S-12, S-18]', async ({ driver, data }) => {
    const source = aVolume({ status: 'available' });
    await driver.createVolume(source, never);
    for (let i = 0; i < 64; i++) await data.write(source, i * 16 * MiB, Buffer.alloc(MiB / 4, 65 + (i % 26)));
    const snapshot = aSnapshot(source);
    await driver.createSnapshot(snapshot, source, never, progress);

    for (let round = 0; round < 24; round++) {
      const volume = aVolume();
      const another = aSnapshot(source);
      const kinds: ((signal: AbortSignal) => Promise<unknown>)[] = [
        (signal) => driver.createVolume(volume, signal),
        (signal) => driver.createClonedVolume(volume, source, signal, progress),
        (signal) => driver.createVolumeFromSnapshot(volume, snapshot, signal, progress),
        (signal) => driver.createSnapshot(another, source, signal, progress),
      ];
      const run = kinds[round % kinds.length] ?? assert.fail();
      const stop = new AbortController();
      const running = outcome(run(stop.signal));
      for (let turns = 0; turns < round * 2; turns++) await nextTurn();
      stop.abort();

      assert.ok(['done', 'AbortError'].includes(await running), await running);
      await run(never);
      const copied = round % kinds.length === 3 ? await data.snapshotSize(another) : await data.size(volume);
      assert.equal(copied, GiB);
      if ([1, 2].includes(round % kinds.length)) {
        assert.deepEqual(await data.read(volume, 63 * 16 * MiB, 4), Buffer.from('LLLL'));
      }
      await driver.deleteVolume(volume, never);
      await driver.deleteSnapshot(another, source, never);
    }

    await driver.deleteSnapshot(snapshot, source, never);
    await driver.deleteVolume(source, never);
    assert.deepEqual(await data.leftOvers(), []);
  });
}

async function putBytes(path: string, offset: number, bytes: Buffer): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.write(bytes, 0, bytes.length, offset);
  } finally {
    await handle.close();
  }
}

async function outcome(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'done',
    (error: Error) => error.name,
  );
}

function isCinderError(error: unknown): boolean {
  return error instanceof Error && 'kwargs' in error;
}
