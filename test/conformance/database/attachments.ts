import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Database } from '../../../src/interface/database.ts';
import { InvalidUUID, VolumeAttachmentNotFound, VolumeNotFound } from '../../../src/objects/exceptions.ts';
import { aNewVolume } from '../../support/database.ts';
import type { DatabaseBench } from '../../support/database-bench.ts';

export function attachmentTableSuite(bench: DatabaseBench): void {
  const instance = 'c9d2b3a4-1111-4222-8333-444455556666';
  const by = {
    instance_uuid: instance,
    attached_host: 'compute',
    mountpoint: '/dev/vdb',
    attach_mode: 'rw',
    markAttached: true,
  };

  async function statusOf(db: Database, id: string): Promise<unknown[]> {
    const volume = await db.volumes.get(id);
    return [volume?.status, volume?.attach_status];
  }

  test('an attachment keeps its two dictionaries as JSON; null leaves them as they are [database 3.4, objects 9]', async (t) => {
    const { db, rows } = await bench.open(t);
    const volume = aNewVolume();
    await db.volumes.create(volume);
    await db.attachments.create({ id: 'a', volume_id: volume.id, attach_status: 'reserved', attach_mode: 'rw' });

    assert.equal(
      await db.attachments.update('a', {
        connector: { host: 'compute', multipath: false },
        attach_status: 'attaching',
      }),
      true,
    );
    assert.equal(await db.attachments.update('a', { connector: null, connection_info: { data: { luns: [1] } } }), true);

    const found = await db.attachments.get('a');
    assert.deepEqual(found?.connector, { host: 'compute', multipath: false });
    assert.deepEqual(found?.connection_info, { data: { luns: [1] } });
    assert.deepEqual((await db.volumes.get(volume.id))?.volume_attachment, { objects: [found] });
    assert.deepEqual(await rows('select connector from volume_attachment'), [
      { connector: '{"host":"compute","multipath":false}' },
    ]);
    assert.equal(await db.attachments.update('b', { attach_status: 'attached' }), false);
  });

  test('a dictionary that is none is an error that names the attachment and not its secrets [database 3.4]', async (t) => {
    const { db, execute } = await bench.open(t);
    const volume = aNewVolume();
    await db.volumes.create(volume);
    await db.attachments.create({ id: 'a', volume_id: volume.id });
    await execute(`update volume_attachment set connection_info = 'CHAP secret'`);

    await assert.rejects(
      db.attachments.get('a'),
      (error: Error) => /connection_info.*\ba\b/.test(error.message) && !/secret/.test(error.message),
    );
  });

  test('volume_attached marks the attachment and the volume [database 4]', async (t) => {
    const { db } = await bench.open(t);
    const volume = aNewVolume({ status: 'attaching' });
    await db.volumes.create(volume);
    await db.attachments.create({ id: 'a', volume_id: volume.id, attach_status: 'reserved' });

    await db.attachments.attached('a', { ...by, markAttached: false });
    assert.deepEqual(await statusOf(db, volume.id), ['attaching', 'attaching']);
    assert.equal((await db.attachments.get('a'))?.attach_status, 'attaching');

    await db.attachments.attached('a', by);
    const found = await db.attachments.get('a');
    assert.deepEqual(await statusOf(db, volume.id), ['in-use', 'attached']);
    assert.deepEqual(
      [found?.attach_status, found?.instance_uuid, found?.attached_host, found?.mountpoint, found?.attach_mode],
      ['attached', instance, 'compute', '/dev/vdb', 'rw'],
    );
    assert.ok(found?.attach_time);
    assert.ok(found?.updated_at);
  });

  test('volume_attached refuses an instance that is no UUID, and what is not there; nothing changes [database 4]', async (t) => {
    const { db } = await bench.open(t);
    const volume = aNewVolume();
    await db.volumes.create(volume);
    await db.attachments.create({ id: 'a', volume_id: volume.id, attach_status: 'reserved' });

    await assert.rejects(db.attachments.attached('a', { ...by, instance_uuid: 'vm-1' }), InvalidUUID);
    await assert.rejects(db.attachments.attached('b', by), VolumeAttachmentNotFound);
    assert.deepEqual(await statusOf(db, volume.id), ['available', 'detached']);
    for (const uuid of [instance.toUpperCase(), instance.replaceAll('-', '')]) {
      await db.attachments.attached('a', { ...by, instance_uuid: uuid });
    }
    await db.attachments.attached('a', { ...by, instance_uuid: null });
  });

  /** The rows that remain, the volume's state before, and its state after a detach. */
  const detaches: readonly {
    readonly remaining: readonly string[];
    readonly status?: string;
    readonly migration_status?: string;
    readonly becomes: readonly [string, string];
  }[] = [
    { remaining: [], becomes: ['available', 'detached'] },
    { remaining: ['attached'], becomes: ['in-use', 'attached'] },
    { remaining: ['reserved', 'attaching'], becomes: ['attaching', 'attaching'] },
    { remaining: ['reserved', 'detaching', 'attached'], becomes: ['in-use', 'attached'] },
    { remaining: ['reserved'], becomes: ['reserved', 'reserved'] },
    { remaining: ['error_attaching', 'error_detaching'], becomes: ['available', 'detached'] },
    { remaining: [], status: 'uploading', becomes: ['uploading', 'detached'] },
    { remaining: ['attached'], status: 'uploading', becomes: ['in-use', 'attached'] },
    { remaining: [], migration_status: 'migrating', becomes: ['detaching', 'detached'] },
    { remaining: [], migration_status: 'success', becomes: ['available', 'detached'] },
    { remaining: [], migration_status: 'error', becomes: ['available', 'detached'] },
  ];

  for (const { remaining, status = 'detaching', migration_status = null, becomes } of detaches) {
    const left = remaining.length === 0 ? 'none' : remaining.join(', ');
    test(`volume_detached with ${left} left, ${status}, migration ${migration_status}: ${becomes.join('/')} [database 4]`, async (t) => {
      const { db, rows } = await bench.open(t);
      const volume = aNewVolume({
        status,
        attach_status: 'attached',
        migration_status,
        admin_metadata: { attached_mode: 'rw', readonly: 'False' },
      });
      await db.volumes.create(volume);
      await db.attachments.create({ id: 'gone', volume_id: volume.id, attach_status: 'attached' });
      for (const [index, attach_status] of remaining.entries()) {
        await db.attachments.create({
          id: `left-${index}`,
          volume_id: volume.id,
          attach_status: attach_status as 'attached',
        });
      }

      await db.attachments.detached(volume.id, 'gone');

      assert.deepEqual(await statusOf(db, volume.id), becomes);
      assert.deepEqual((await db.volumes.get(volume.id))?.admin_metadata, { readonly: 'False' });
      const [row] = await rows(`select * from volume_attachment where id = 'gone'`);
      assert.deepEqual(
        [row?.['deleted'], row?.['attach_status'], row?.['detach_time']],
        [1, 'detached', row?.['deleted_at']],
      );
      assert.ok(row?.['updated_at']);
    });
  }

  test('volume_detached settles the volume also when the attachment is gone; a volume that is gone is VolumeNotFound [database 4]', async (t) => {
    const { db, rows } = await bench.open(t);
    const volume = aNewVolume({ status: 'detaching', attach_status: 'attached' });
    await db.volumes.create(volume);

    await db.attachments.detached(volume.id, 'gone');
    assert.deepEqual(await statusOf(db, volume.id), ['available', 'detached']);
    const [before] = await rows('select updated_at from volumes');
    await db.attachments.detached(volume.id, undefined);
    assert.deepEqual(await rows('select updated_at from volumes'), [before]);
    await assert.rejects(db.attachments.detached('unknown', undefined), VolumeNotFound);
  });

  test('attachment_destroy buries the attachment and its old key-value rows [database 4]', async (t) => {
    const { db, execute, rows } = await bench.open(t);
    const volume = aNewVolume();
    await db.volumes.create(volume);
    await db.attachments.create({ id: 'a', volume_id: volume.id, attach_status: 'reserved' });
    await execute(
      `insert into attachment_specs (attachment_id, "key", value, deleted) values ('a', 'host', 'compute', 0)`,
    );

    assert.equal(await db.attachments.destroy('a'), true);

    assert.deepEqual(await rows('select attach_status, deleted, updated_at from volume_attachment'), [
      { attach_status: 'deleted', deleted: 1, updated_at: null },
    ]);
    assert.deepEqual(await rows('select deleted from attachment_specs'), [{ deleted: 1 }]);
    assert.equal(await db.attachments.get('a'), undefined);
    assert.equal(await db.attachments.destroy('a'), false);
  });
}
