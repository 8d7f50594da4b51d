import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { volumeKey } from '../../src/volume/resources.ts';
import { type ImageManager, imageManager, unit } from '../support/image-manager.ts';
import { aVolume, send } from '../support/manager.ts';

/** A volume of the driver with some data at its beginning, in the hands of the API. */
async function aFilledVolume(
  { manager, fileOf }: ImageManager,
  data: Buffer,
  changes: Parameters<typeof aVolume>[0] = {},
) {
  const volume = aVolume({ status: 'uploading', ...changes });
  await manager.db.volumes.create(volume);
  const row = await manager.db.volumes.get(volume.id);
  assert.ok(row);
  await manager.driver.createVolume(row, new AbortController().signal);
  const handle = await open(fileOf(volume), 'r+');
  await handle.write(data, 0, data.length, 0);
  await handle.close();
  return volume;
}

function upload(stage: ImageManager, volumeId: string, imageId: string, changes: Record<string, unknown> = {}) {
  const image_meta = { id: imageId, disk_format: 'raw', container_format: 'bare', name: 'n', ...changes };
  return send(stage.manager, 'copy_volume_to_image', { volume_id: volumeId, image_meta });
}

test('an image gets the data of the volume, which is available again [manager 8.2, R-03]', async (t) => {
  const stage = await imageManager(t);
  const data = randomBytes(70_000);
  const volume = await aFilledVolume(stage, data);
  const id = stage.glance.add();

  await upload(stage, volume.id, id);

  const sent = stage.glance.data.get(id);
  assert.equal(stage.glance.images.get(id)?.status, 'active');
  assert.equal(sent?.length, unit);
  assert.ok(sent?.subarray(0, data.length).equals(data));
  assert.equal((await stage.manager.db.volumes.get(volume.id))?.status, 'available');
  assert.equal(await stage.manager.db.workers.find(volumeKey(volume.id)), undefined);
  assert.deepEqual(await stage.temporary(), []);
});

test('a compressed image is compressed on the way [manager 4.5, manager 8.2]', async (t) => {
  const stage = await imageManager(t);
  const volume = await aFilledVolume(stage, Buffer.from('begin'));
  const id = stage.glance.add();

  await upload(stage, volume.id, id, { container_format: 'compressed' });

  const sent = stage.glance.data.get(id) ?? Buffer.alloc(0);
  assert.ok(sent.length < 2 ** 16);
  assert.equal(gunzipSync(sent).subarray(0, 5).toString(), 'begin');
});

test('a failure is told to the user, the empty image goes, the volume is as it was [manager 8.2, manager 15]', async (t) => {
  const stage = await imageManager(t, {
    driver: {
      withLocalPath: async () => {
        throw new Error('away');
      },
    },
  });
  const volume = await aFilledVolume(stage, Buffer.alloc(1));
  await stage.manager.db.attachments.create({ id: volume.id, volume_id: volume.id, attach_status: 'attached' });
  const id = stage.glance.add();

  await assert.rejects(upload(stage, volume.id, id), /away/);

  assert.equal(stage.glance.images.has(id), false);
  assert.equal((await stage.manager.db.volumes.get(volume.id))?.status, 'in-use');
  const [message] = await stage.manager.db.messages.ofResource(volume.id);
  assert.deepEqual([message?.action_id, message?.detail_id], ['003', '004']);
});

test('what went wrong has its own detail where every API knows one [manager 15]', async (t) => {
  const stage = await imageManager(t);
  const volume = await aFilledVolume(stage, Buffer.alloc(1));
  stage.glance.mishaps.push({ status: 413 });

  await assert.rejects(upload(stage, volume.id, stage.glance.add()), { name: 'ImageLimitExceeded' });
  await stage.manager.db.volumes.update(volume.id, { status: 'uploading' });
  stage.manager.initialized = false;
  await assert.rejects(upload(stage, volume.id, stage.glance.add()), { name: 'DriverNotInitialized' });

  const told = await stage.manager.db.messages.ofResource(volume.id);
  assert.deepEqual(
    told.map(({ detail_id }) => detail_id),
    ['006', '002'],
  );
});

test('an image that has its data already is not removed when a second upload fails [manager 8.2]', async (t) => {
  const stage = await imageManager(t);
  const volume = await aFilledVolume(stage, Buffer.alloc(1));
  const id = stage.glance.add({}, Buffer.alloc(5));

  await assert.rejects(upload(stage, volume.id, id));

  assert.equal(stage.glance.images.get(id)?.status, 'active');
});

test('on the backend an upload is a clone that Glance is told of [manager 8.2]', async (t) => {
  const stage = await imageManager(t, {
    settings: {
      image_upload_use_cinder_backend: true,
      image_upload_use_internal_tenant: true,
      cinder_internal_tenant_project_id: 'internal',
      cinder_internal_tenant_user_id: 'cinder',
    },
  });
  const volume = await aFilledVolume(stage, Buffer.from('x'));
  const id = stage.glance.add();

  await upload(stage, volume.id, id);

  const [clone] = await stage.manager.db.volumes.named(`image-${id}`);
  assert.deepEqual(
    [clone?.project_id, clone?.status, clone?.metadata],
    ['internal', 'available', { image_owner: 'p1', glance_image_id: id }],
  );
  assert.deepEqual(stage.glance.images.get(id)?.['locations'], [{ url: `cinder://${clone?.id}`, metadata: {} }]);
  assert.equal((await stat(stage.fileOf({ id: clone?.id ?? '' }))).size, unit);
  assert.equal(stage.glance.data.has(id), false);
});

test('a clone that Glance does not take is removed, and the data are uploaded [manager 8.2]', async (t) => {
  const stage = await imageManager(t, { settings: { image_upload_use_cinder_backend: true } });
  const volume = await aFilledVolume(stage, Buffer.from('x'));
  const id = stage.glance.add();
  stage.glance.mishaps.push({ status: 403 });

  await upload(stage, volume.id, id);

  assert.deepEqual(await stage.manager.db.volumes.named(`image-${id}`), []);
  assert.equal(stage.glance.data.get(id)?.length, unit);
});
