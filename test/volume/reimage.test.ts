import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { copyFile, open, readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { parseUtcTime } from '../../src/base/time.ts';
import { snapshotCodec } from '../../src/objects/snapshot.ts';
import { cleanUp } from '../../src/volume/cleanup.ts';
import { volumeKey } from '../../src/volume/resources.ts';
import { gate } from '../support/endpoint.ts';
import { qcow2Bytes } from '../support/image-bytes.ts';
import { type ImageManager, imageManager } from '../support/image-manager.ts';
import { aVolume, send } from '../support/manager.ts';

const never = new AbortController().signal;

async function aVolumeToReimage({ manager }: ImageManager, changes: Parameters<typeof aVolume>[0] = {}) {
  const volume = aVolume({
    status: 'downloading',
    previous_status: 'available',
    glance_metadata: { image_id: 'old', os_distro: 'old' },
    ...changes,
  });
  await manager.db.volumes.create(volume);
  const row = await manager.db.volumes.get(volume.id);
  assert.ok(row);
  await manager.driver.createVolume(row, new AbortController().signal);
  return volume;
}

function reimage(stage: ImageManager, volumeId: string, imageId: string, more: Readonly<Record<string, unknown>> = {}) {
  const volume = {
    'versioned_object.name': 'Volume',
    'versioned_object.namespace': 'cinder',
    'versioned_object.version': '1.9',
    'versioned_object.data': { id: volumeId },
  };
  return send(stage.manager, 'reimage', { volume, image_meta: { id: imageId, disk_format: 'raw' }, ...more });
}

test('a volume has the data of the new image, boots, remembers it alone, and is what it was before [manager 8.3]', async (t) => {
  const stage = await imageManager(t);
  const volume = await aVolumeToReimage(stage, { previous_status: 'error' });
  const data = randomBytes(4096);
  const id = stage.glance.add({ name: 'new' }, data);

  await reimage(stage, volume.id, id);

  const row = await stage.manager.db.volumes.get(volume.id);
  const handle = await open(stage.fileOf(volume), 'r');
  const { buffer } = await handle.read(Buffer.alloc(4096), 0, 4096, 0);
  await handle.close();
  assert.ok(buffer.equals(data));
  assert.deepEqual([row?.status, row?.bootable], ['error', true]);
  const remembered = await stage.manager.db.volumes.glanceMetadata({ volume_id: volume.id });
  assert.deepEqual([remembered['image_id'], remembered['os_distro']], [id, undefined]);
  assert.deepEqual(await stage.temporary(), []);
});

test('a server that waits for its volume is told; where it cannot be, the user is [manager 8.3, manager 16]', async (t) => {
  const stage = await imageManager(t);
  const { db } = stage.manager;
  const told: unknown[] = [];
  const compute = {
    tellServers: async (event: string, id: string, servers: readonly string[]) => {
      told.push([event, id, servers]);
      if (told.length > 1) throw new Error('no Nova');
    },
  };
  Object.assign(stage.manager, { compute });
  const volume = await aVolumeToReimage(stage, { previous_status: 'reserved' });
  const server = randomUUID();
  await db.attachments.create({
    id: randomUUID(),
    volume_id: volume.id,
    instance_uuid: server,
    attach_status: 'reserved',
  });
  const image = stage.glance.add({}, Buffer.alloc(9));

  await reimage(stage, volume.id, image);
  await db.volumes.update(volume.id, { status: 'downloading' });
  await reimage(stage, volume.id, image);

  assert.deepEqual(told, Array(2).fill(['volume-reimaged', volume.id, [server]]));
  assert.equal((await db.volumes.get(volume.id))?.status, 'reserved');
  const messages = await db.messages.ofResource(volume.id);
  assert.deepEqual(
    messages.map(({ action_id, detail_id }) => [action_id, detail_id]),
    [['016', '028']],
  );
});

test('a failure leaves the volume in error, and its data untouched where the image is refused [manager 8.3, S-51]', async (t) => {
  const stage = await imageManager(t);
  const volume = await aVolumeToReimage(stage);
  const id = stage.glance.add({ disk_format: 'qcow2' }, qcow2Bytes({ backing: '/etc/passwd' }));

  await assert.rejects(reimage(stage, volume.id, id), { name: 'ImageUnacceptable' });

  const row = await stage.manager.db.volumes.get(volume.id);
  assert.deepEqual([row?.status, row?.previous_status], ['error', 'downloading']);
  assert.equal((await stage.manager.db.volumes.glanceMetadata({ volume_id: volume.id }))['image_id'], 'old');
  assert.deepEqual(
    stage.manager.calls.filter((call) => call.startsWith('withLocalPath')),
    [],
  );
});

test('conversion that is not allowed is told to the user [manager 15]', async (t) => {
  const stage = await imageManager(t, { values: { image_conversion_disable: true } });
  const volume = await aVolumeToReimage(stage);

  await assert.rejects(reimage(stage, volume.id, stage.glance.add({ disk_format: 'ami' }, Buffer.alloc(9))));

  const [message] = await stage.manager.db.messages.ofResource(volume.id);
  assert.deepEqual([message?.action_id, message?.detail_id], ['016', '029']);
});

/** A snapshot of 1 GiB that some server boots from, whose data are `data`. */
async function aSnapshotOfAServer(
  stage: ImageManager,
  data: Buffer,
  changes: { status?: 'deleting'; host?: string } = {},
) {
  const { manager } = stage;
  const { status = 'available' as const, ...place } = changes;
  const source = aVolume({ status: 'in-use', ...place });
  await manager.db.volumes.create(source);
  await writeFile(stage.fileOf(source), data);
  const snapshot = { id: randomUUID(), volume_id: source.id, volume_size: 1, status };
  await manager.db.snapshots.create(snapshot);
  Object.assign(manager.driver, {
    createVolumeFromSnapshot: async (volume: { id: string }) => {
      manager.calls.push(`createVolumeFromSnapshot ${volume.id}`);
      await copyFile(stage.fileOf(source), stage.fileOf(volume));
      return {};
    },
  });
  return { source, message: { image_snap: snapshotCodec.encode({ id: snapshot.id }) } };
}

/** Copies whole files, as qemu-img does between raw ones. */
const fileCopier = {
  copy: async (from: { path?: string }, to: { path?: string }) => copyFile(from.path ?? '', to.path ?? ''),
};

test('the image of a server that boots from a volume is copied from its snapshot, by a volume that goes again [manager 8.3, manager 6.3, rpc 3]', async (t) => {
  const stage = await imageManager(t);
  Object.assign(stage.manager, { copier: fileCopier });
  const volume = await aVolumeToReimage(stage);
  const data = randomBytes(4096);
  const { message } = await aSnapshotOfAServer(stage, data);
  const image = stage.glance.add({ os_distro: 'new' }, Buffer.alloc(0));

  await reimage(stage, volume.id, image, message);

  const { db, calls, service } = stage.manager;
  assert.ok((await readFile(stage.fileOf(volume))).equals(data));
  const row = await db.volumes.get(volume.id);
  assert.deepEqual([row?.status, row?.bootable], ['available', true]);
  const remembered = await db.volumes.glanceMetadata({ volume_id: volume.id });
  assert.deepEqual([remembered['image_id'], remembered['os_distro']], [image, 'new']);
  const made = calls.find((call) => call.startsWith('createVolumeFromSnapshot '))?.split(' ')[1] ?? '';
  assert.ok(calls.includes(`deleteVolume ${made}`));
  assert.equal(await db.volumes.get(made), undefined);
  assert.deepEqual(await db.workers.ofService(service.id), []);
});

test('a snapshot that cannot be read here is refused, and the data stay [manager 8.3]', async (t) => {
  const stage = await imageManager(t);
  Object.assign(stage.manager, { copier: fileCopier });
  const image = stage.glance.add({}, Buffer.alloc(0));

  for (const changes of [{ status: 'deleting' } as const, { host: 'node2@lvm#pool' }]) {
    const volume = await aVolumeToReimage(stage);
    const { message } = await aSnapshotOfAServer(stage, randomBytes(9), changes);

    await assert.rejects(reimage(stage, volume.id, image, message), { name: 'InvalidSnapshot' });

    assert.equal((await stage.manager.db.volumes.get(volume.id))?.status, 'error');
    assert.equal((await readFile(stage.fileOf(volume))).length, 2 ** 20);
  }
  assert.deepEqual(
    stage.manager.calls.filter((call) => call.startsWith('createVolumeFromSnapshot')),
    [],
  );
});

test('a snapshot that is being copied from is not deleted meanwhile [manager 13]', async (t) => {
  const stage = await imageManager(t);
  const { manager } = stage;
  const under = gate();
  const begun = gate();
  const copy = async () => {
    begun.open();
    await under.passed;
  };
  Object.assign(manager, { copier: { copy } });
  const volume = await aVolumeToReimage(stage);
  const { message } = await aSnapshotOfAServer(stage, randomBytes(9));
  const running = reimage(stage, volume.id, stage.glance.add({}, Buffer.alloc(0)), message);
  await Promise.race([begun.passed, running]);
  const order: string[] = [];
  const { id } = snapshotCodec.decode(message.image_snap);

  const deleting = manager.coordinator.withLock(`${id}-delete_snapshot`, async () => void order.push('deleted'), never);
  await new Promise((resolve) => setImmediate(resolve));
  order.push('copied');
  under.open();
  await Promise.all([running, deleting]);

  assert.deepEqual(order, ['copied', 'deleted']);
});

test('a crash in the middle of that copy leaves the volume in error, with a message, and no other volume [manager 2.3]', async (t) => {
  const stage = await imageManager(t);
  const { manager } = stage;
  const launched_at = parseUtcTime('2026-11-01T00:00:00Z') ?? null;
  const volume = await aVolumeToReimage(stage, { launched_at });
  const display_name = `[reimage] temporary volume for volume ${volume.id}`;
  const copy = aVolume({ status: 'in-use', use_quota: false, display_name });
  const users = aVolume({ status: 'available', use_quota: true, display_name });
  for (const left of [copy, users]) await manager.db.volumes.create(left);
  await manager.db.workers.insert(volumeKey(volume.id), 'downloading', manager.service.id);

  await cleanUp(manager, { alone: true }, never);

  assert.equal((await manager.db.volumes.get(volume.id))?.status, 'error');
  assert.equal((await manager.db.messages.ofResource(volume.id))[0]?.action_id, '016');
  assert.equal(await manager.db.volumes.get(copy.id), undefined);
  assert.equal((await manager.db.volumes.get(users.id))?.status, 'available');
  assert.deepEqual(await manager.db.workers.ofService(manager.service.id), []);
});
