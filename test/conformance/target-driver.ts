import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { TargetDriver } from '../../src/interface/target-driver.ts';
import type { Volume } from '../../src/objects/volume.ts';
import { aVolume } from '../support/resources.ts';

/** A target driver whose helper is there, and files to export. */
export interface TargetUnderTest {
  readonly target: TargetDriver;
  /** Path of a file of one GiB. */
  aFile(): Promise<string>;
  /** Names of the exports that stand; left out where an export leaves no trace. */
  exports?(): Promise<readonly string[]>;
}

const never = new AbortController().signal;
const connector = { initiator: 'iqn.2026-11.org.example:one', host: 'one', ip: '127.0.0.1', multipath: false };
const other = { initiator: 'iqn.2026-11.org.example:two', host: 'two', ip: '127.0.0.1', multipath: false };

/** The rules that every target driver keeps (storage.md §2.2, S-10, S-11, S-20 to S-22). */
export function targetDriverConformance(name: string, setUp: (t: TestContext) => Promise<TargetUnderTest>): void {
  const rule = (title: string, body: (subject: TargetUnderTest) => Promise<void>): void => {
    test(`${name}: ${title}`, async (t) => {
      const subject = await setUp(t);
      t.after(() => subject.target.close());
      await body(subject);
    });
  };

  rule('removing what is absent succeeds, twice too [S-10]', async ({ target }) => {
    const volume = aVolume({ provider_location: '127.0.0.1:3260,1 iqn.2010-10.org.openstack:volume-x 1' });

    for (const _ of [1, 2]) {
      await target.removeExport(volume, never);
      await target.removeExport({ ...volume, provider_location: null }, never);
      await target.terminateConnection(volume, connector, never);
      await target.terminateConnection(volume, undefined, never);
      await target.extendTarget(volume, '/nowhere', never);
    }
  });

  rule('every step may be repeated and gives the same each time [S-11]', async ({ target, aFile, exports }) => {
    const volume = aVolume();
    const path = await aFile();

    const first = await target.createExport(volume, path, never);
    const row: Volume = { ...volume, ...first };
    const more = [
      await target.createExport(volume, path, never),
      await target.createExport(row, path, never),
      await Promise.all([target.createExport(row, path, never), target.ensureExport(row, path, never)]).then(
        ([one]) => one,
      ),
    ];
    const infos = [];
    for (const _ of [1, 2]) infos.push(await target.initializeConnection(row, path, connector, never));
    await target.ensureExport(row, path, never);
    await target.extendTarget(row, path, never);
    infos.push(await target.initializeConnection(row, path, connector, never));

    assert.deepEqual(more, [first, first, first]);
    assert.deepEqual(infos, [infos[0], infos[0], infos[0]]);
    if (exports !== undefined) assert.equal((await exports()).length, 1);
    for (const _ of [1, 2]) await target.terminateConnection(row, connector, never);
    for (const _ of [1, 2]) await target.removeExport(row, never);
    if (exports !== undefined) assert.deepEqual(await exports(), []);
  });

  rule('what is written to the row fits its columns [S-22]', async ({ target, aFile }) => {
    const update = await target.createExport(aVolume(), await aFile(), never);

    assert.ok(update.provider_location.length <= 256);
    assert.ok((update.provider_auth ?? '').length <= 256);
  });

  rule('terminating without a connector may follow any connection [S-11]', async ({ target, aFile }) => {
    const volume = aVolume();
    const path = await aFile();
    const row: Volume = { ...volume, ...(await target.createExport(volume, path, never)) };
    await target.initializeConnection(row, path, connector, never);
    await target.initializeConnection(row, path, other, never);

    await target.terminateConnection(row, undefined, never);
    await target.terminateConnection(row, undefined, never);
    const again = await target.initializeConnection(row, path, connector, never);

    assert.equal(again.data['volume_id'], volume.id);
    await target.removeExport(row, never);
  });

  rule('many exports side by side do not disturb each other', async ({ target, aFile, exports }) => {
    const path = await aFile();
    const volumes = Array.from({ length: 8 }, () => aVolume());

    const updates = await Promise.all(volumes.map((volume) => target.createExport(volume, path, never)));
    const rows = volumes.map((volume, i): Volume => ({ ...volume, ...updates[i] }));
    if (exports !== undefined) assert.equal((await exports()).length, 8);
    await Promise.all(rows.map((row) => target.initializeConnection(row, path, connector, never)));
    await Promise.all(rows.map((row) => target.removeExport(row, never)));

    if (exports !== undefined) assert.deepEqual(await exports(), []);
  });

  rule('nothing happens for a signal that has aborted [S-18]', async ({ target, aFile, exports }) => {
    if (exports === undefined) return;

    await assert.rejects(target.createExport(aVolume(), await aFile(), AbortSignal.abort()), { name: 'AbortError' });

    assert.deepEqual(await exports(), []);
  });

  rule(
    'an abort at any moment leaves what a repetition takes further [S-12, S-18]',
    async ({ target, aFile, exports }) => {
      if (exports === undefined) return;
      const path = await aFile();

      for (let round = 0; round < 12; round++) {
        const volume = aVolume();
        const stop = new AbortController();
        const running = target.createExport(volume, path, stop.signal).then(
          () => 'done',
          (error: Error) => error.name,
        );
        setTimeout(() => stop.abort(), round * 4);

        assert.ok(['done', 'AbortError'].includes(await running), await running);
        const row: Volume = { ...volume, ...(await target.createExport(volume, path, never)) };
        await target.initializeConnection(row, path, connector, never);
        await target.removeExport(row, never);
      }
      assert.deepEqual(await exports(), []);
    },
  );
}
