import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { test } from 'node:test';
import { qcow2Bytes } from '../support/image-bytes.ts';
import { type ImageManager, imageManager } from '../support/image-manager.ts';
import { aVolume, send } from '../support/manager.ts';

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

function reimage(stage: ImageManager, volumeId: string, imageId: string) {
  const volume = {
    'versioned_object.name': 'Volume',
    'versioned_object.namespace': 'cinder',
    'versioned_object.version': '1.9',
    'versioned_object.data': { id: volumeId },
  };
  return send(stage.manager, 'reimage', { volume, image_meta: { id: imageId, disk_format: 'raw' } });
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
