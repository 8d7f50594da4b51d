import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import type { RequestContext } from '../../src/objects/context.ts';
import { VolumeBackendAPIException } from '../../src/objects/exceptions.ts';
import { volumeCodec } from '../../src/objects/volume.ts';
import { volumeKey } from '../../src/volume/resources.ts';
import { qcow2Bytes } from '../support/image-bytes.ts';
import { type ImageManager, imageManager, unit } from '../support/image-manager.ts';
import { aVolume, send, type TestManager } from '../support/manager.ts';

const tenant = { cinder_internal_tenant_project_id: 'internal', cinder_internal_tenant_user_id: 'cinder' };
const retry = { retry: { num_attempts: 1, backends: ['a'], hosts: ['a'] } };

/** Asks for a volume from an image, as the scheduler does, and gives its row. */
async function create({ manager }: ImageManager, imageId: string, changes: Parameters<typeof aVolume>[0] = {}) {
  const volume = aVolume(changes);
  await manager.db.volumes.create(volume);
  const row = await manager.db.volumes.get(volume.id);
  const request_spec = {
    'versioned_object.name': 'RequestSpec',
    'versioned_object.namespace': 'cinder',
    'versioned_object.version': '1.5',
    'versioned_object.data': { volume_id: volume.id, image_id: imageId },
  };
  const message = { volume: volumeCodec.encode(row ?? { id: volume.id }), request_spec, filter_properties: retry };
  const failed = await send(manager, 'create_volume', message).then(
    () => undefined,
    (error: Error) => error,
  );
  return { volume, failed, row: await manager.db.volumes.get(volume.id) };
}

async function beginning(file: string, length: number): Promise<Buffer> {
  const handle = await open(file, 'r');
  try {
    return (await handle.read(Buffer.alloc(length), 0, length, 0)).buffer;
  } finally {
    await handle.close();
  }
}

async function messages({ db }: TestManager, id: string) {
  return (await db.messages.ofResource(id)).map(({ action_id, detail_id }) => `${action_id}/${detail_id}`);
}

test('a volume gets the data of its image, boots, and remembers the image [manager 4.4]', async (t) => {
  const stage = await imageManager(t);
  const data = randomBytes(300_000);
  const id = stage.glance.add({ name: 'cirros', min_disk: 1, os_distro: 'cirros', checksum: null }, data);

  const { volume, row, failed } = await create(stage, id, { size: 2 });

  assert.equal(failed, undefined);
  assert.deepEqual([row?.status, row?.bootable, row?.provider_id], ['available', true, 'made-2']);
  assert.ok((await beginning(stage.fileOf(volume), data.length)).equals(data));
  assert.equal((await stat(stage.fileOf(volume))).size, 2 * unit);
  assert.deepEqual(await stage.manager.db.volumes.glanceMetadata({ volume_id: volume.id }), {
    signature_verified: 'False',
    os_distro: 'cirros',
    image_id: id,
    image_name: 'cirros',
    checksum: stage.glance.images.get(id)?.['checksum'],
    container_format: 'bare',
    disk_format: 'raw',
    min_disk: '1',
    min_ram: '0',
    size: String(data.length),
  });
  assert.deepEqual(await stage.temporary(), []);
  assert.equal(await stage.manager.db.workers.find(volumeKey(volume.id)), undefined);
});

test('while data are written the row and its claim say downloading, and what the driver said is kept [manager 4.4]', async (t) => {
  let seen: unknown;
  const stage: ImageManager = await imageManager(t, {
    driver: {
      withLocalPath: async (volume, _access, body) => {
        const row = await stage.manager.db.volumes.get(volume.id);
        const claim = await stage.manager.db.workers.find(volumeKey(volume.id));
        seen = [row?.status, row?.provider_id, volume.provider_id, claim?.status];
        return body(stage.fileOf(volume), 'raw');
      },
    },
  });
  const id = stage.glance.add({}, Buffer.alloc(10));

  const { row } = await create(stage, id);

  assert.deepEqual(seen, ['downloading', 'made-1', 'made-1', 'downloading']);
  assert.equal(row?.status, 'available');
});

test('an image that is no good ends in error at once, with nothing left behind [manager 4.3, manager 4.5, S-51]', async (t) => {
  const cases = [
    [{ disk_format: 'qcow2' }, qcow2Bytes({ backing: '/etc/passwd' }), 'ImageUnacceptable', /backed by: \/etc\/passwd/],
    [{ disk_format: 'qcow2' }, qcow2Bytes({ features: 4n }), 'ImageUnacceptable', /not allowed to have a data file/],
    [{}, qcow2Bytes(), 'ImageUnacceptable', /claimed to be 'raw'/],
    [
      { virtual_size: 2 ** 30 + 1 },
      Buffer.alloc(1),
      'ImageUnacceptable',
      /size is 2GB and doesn't fit in a volume of size 1GB/,
    ],
    [{ min_disk: 2 }, Buffer.alloc(1), 'ImageUnacceptable', /cannot be smaller than the image minDisk size 2GB/],
    [{ img_signature: 'x' }, Buffer.alloc(1), 'InvalidSignatureImage', /incomplete/],
  ] as const;

  for (const [meta, data, name, message] of cases) {
    const stage = await imageManager(t);
    const { failed, row, volume } = await create(stage, stage.glance.add(meta, data));

    assert.equal(failed?.name, name);
    assert.match(failed?.message ?? '', message);
    assert.equal(row?.status, 'error');
    assert.deepEqual(stage.manager.rescheduled, []);
    assert.deepEqual(stage.manager.calls, []);
    assert.deepEqual(await stage.temporary(), []);
    assert.deepEqual(await stage.manager.db.volumes.glanceMetadata({ volume_id: volume.id }), {});
  }
});

test('a user is told why there is no room, no signature, no conversion [manager 15]', async (t) => {
  const signed = Object.fromEntries(
    ['', '_hash_method', '_certificate_uuid', '_key_type'].map((end) => [`img_signature${end}`, 'x']),
  );
  const cases = [
    [{ size: 2 ** 52 }, undefined, {}, '005/007'],
    [signed, Buffer.alloc(1), {}, '005/011'],
    [{ disk_format: 'ami' }, Buffer.alloc(1), { image_conversion_disable: true }, '005/029'],
  ] as const;

  for (const [meta, data, values, told] of cases) {
    const stage = await imageManager(t, { values });
    const { row, volume } = await create(stage, stage.glance.add(meta, data));

    assert.equal(row?.status, 'error');
    assert.deepEqual(await messages(stage.manager, volume.id), [told]);
  }
});

test('a copy that fails is ImageCopyFailure, another backend is not tried [manager 4.3, manager 4.4]', async (t) => {
  const stage = await imageManager(t, {
    driver: {
      withLocalPath: async () => {
        throw new Error('the share is away');
      },
    },
  });

  const { failed, row } = await create(stage, stage.glance.add({}, Buffer.alloc(10)));

  assert.deepEqual(
    [failed?.name, failed?.message],
    ['ImageCopyFailure', 'Failed to copy image to volume: the share is away'],
  );
  assert.equal(row?.status, 'error');
  assert.deepEqual(stage.manager.rescheduled, []);
});

test('a driver that fails after the download began goes back to the scheduler as creating [manager 4.3]', async (t) => {
  const stage = await imageManager(t, {
    settings: { image_volume_cache_enabled: true, ...tenant },
    driver: {
      extendVolume: async () => {
        throw new VolumeBackendAPIException({ data: 'full' });
      },
    },
  });

  const { row, volume } = await create(stage, stage.glance.add({}, Buffer.alloc(10)), { size: 3 });

  assert.deepEqual([row?.status, row?.host], ['creating', null]);
  assert.equal(stage.manager.rescheduled.length, 1);
  assert.equal((await stage.manager.db.workers.find(volumeKey(volume.id)))?.status, 'creating');
});

test('a driver that can clone the image by itself needs no download [manager 4.4]', async (t) => {
  const stage = await imageManager(t, { driver: { cloneImage: async () => ({ provider_location: 'cloned' }) } });
  const id = stage.glance.add({ name: 'n' }, Buffer.alloc(10));

  const { row, volume } = await create(stage, id);

  assert.deepEqual([row?.status, row?.bootable, row?.provider_location], ['available', true, 'cloned']);
  assert.equal((await stage.manager.db.volumes.glanceMetadata({ volume_id: volume.id }))['image_name'], 'n');
  assert.equal(stage.glance.requests.length, 1);
});

test('an image that is a volume of this backend is cloned, for those who may read it [manager 4.4]', async (t) => {
  const stage = await imageManager(t, { settings: { allowed_direct_url_schemes: ['cinder'] } });
  const { db, calls } = stage.manager;
  const held = aVolume({ status: 'available', metadata: { image_owner: 'p2' } });
  await db.volumes.create(held);
  await stage.manager.driver.createVolume((await db.volumes.get(held.id)) as never, new AbortController().signal);
  calls.length = 0;
  const location = { direct_url: `cinder://store/${held.id}`, owner: 'p1' };
  const data = Buffer.alloc(10);

  const mine = await create(stage, stage.glance.add(location, data));
  const shared = await create(stage, stage.glance.add({ ...location, owner: 'p2' }, data));
  const foreign = await create(stage, stage.glance.add({ ...location, owner: 'p3' }, data));

  assert.deepEqual(
    [mine.row?.status, shared.row?.status, foreign.row?.status],
    ['available', 'available', 'available'],
  );
  assert.deepEqual(
    calls.filter((call) => !call.startsWith('withLocalPath')),
    [
      `createClonedVolume ${mine.volume.id}`,
      `createClonedVolume ${shared.volume.id}`,
      `createVolume ${foreign.volume.id}`,
    ],
  );
});

test('the first volume of an image fills the cache, the next are clones, and a new state of the image begins anew [manager 4.6]', async (t) => {
  const sent: unknown[] = [];
  const stage = await imageManager(t, { settings: { image_volume_cache_enabled: true, ...tenant } });
  const { manager, glance } = stage;
  const notifier = {
    enabled: true,
    info: async (_context: RequestContext, publisher: string, event: string, payload: object) => {
      if (event.startsWith('image_volume_cache')) sent.push([publisher, event, payload]);
    },
  };
  Object.assign(manager, { notifier });
  const data = randomBytes(5000);
  const id = glance.add({ name: 'n' }, data);
  const owner = { host: 'node1@lvm#pool', cluster_name: null };

  const first = await create(stage, id, { size: 3 });
  const second = await create(stage, id, { size: 2 });

  assert.deepEqual([first.failed, second.failed], [undefined, undefined]);
  const [entry] = await manager.db.imageCache.list(owner);
  const cached = await manager.db.volumes.get(entry?.volume_id ?? '');
  assert.deepEqual(
    [cached?.project_id, cached?.display_name, cached?.size, cached?.status, cached?.admin_metadata],
    ['internal', `image-${id}`, 1, 'available', { readonly: 'True' }],
  );
  assert.equal((await stat(stage.fileOf(first.volume))).size, 3 * unit);
  assert.ok((await beginning(stage.fileOf(second.volume), data.length)).equals(data));
  assert.equal(glance.requests.filter(({ line }) => line.endsWith('/file')).length, 1);
  assert.equal((await manager.db.volumes.glanceMetadata({ volume_id: second.volume.id }))['image_name'], 'n');

  Object.assign(glance.images.get(id) ?? {}, { updated_at: '2031-01-01T00:00:00Z' });
  await create(stage, id);

  const [renewed, none] = await manager.db.imageCache.list(owner);
  assert.notEqual(renewed?.volume_id, entry?.volume_id);
  assert.equal(none, undefined);
  assert.equal(await manager.db.volumes.get(entry?.volume_id ?? ''), undefined);
  const payload = { image_id: id, host: 'node1@lvm#pool' };
  assert.deepEqual(
    sent,
    ['miss', 'hit', 'evict', 'miss'].map((action) => ['volume.node1', `image_volume_cache.${action}`, payload]),
  );
});

test('the cache stays within its limits, the copy that was used last stays longest [manager 4.6]', async (t) => {
  const stage = await imageManager(t, {
    settings: { image_volume_cache_enabled: true, image_volume_cache_max_count: 2, ...tenant },
  });
  const owner = { host: 'node1@lvm#pool', cluster_name: null };
  const ids = [0, 1, 2].map((n) => stage.glance.add({}, Buffer.alloc(10, n)));

  for (const id of [ids[0], ids[1], ids[0], ids[2]]) await create(stage, id ?? '');

  const kept = (await stage.manager.db.imageCache.list(owner)).map(({ image_id }) => image_id);
  assert.deepEqual(kept.sort(), [ids[0], ids[2]].sort());
  assert.equal((await stage.manager.db.volumes.named(`image-${ids[1]}`)).length, 0);
});

test('a cache that cannot be filled, and a cached volume that cannot be cloned, only cost time [manager 4.6]', async (t: TestContext) => {
  const stage = await imageManager(t, {
    settings: { image_volume_cache_enabled: true, ...tenant },
    driver: {
      createClonedVolume: async () => {
        throw new VolumeBackendAPIException({ data: 'no clones today' });
      },
    },
  });
  const id = stage.glance.add({}, Buffer.alloc(10));

  const { row } = await create(stage, id);

  assert.equal(row?.status, 'available');
  assert.deepEqual(await stage.manager.db.imageCache.list({ host: 'node1@lvm#pool', cluster_name: null }), []);
  assert.deepEqual(await stage.manager.db.volumes.named(`image-${id}`), []);
});
