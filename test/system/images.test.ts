import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { open, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { silent } from '../../src/base/log.ts';
import fileDriver from '../../src/drivers/file.ts';
import { imageFiles } from '../../src/image/image-files.ts';
import { type ImageValues, imageOptions } from '../../src/image/options.ts';
import type { ImageService } from '../../src/interface/image-service.ts';
import { contextFor } from '../../src/objects/context.ts';
import { volumeCodec } from '../../src/objects/volume.ts';
import { glance } from '../../src/openstack/glance.ts';
import { HttpClient } from '../../src/openstack/http.ts';
import { glanceOptions } from '../../src/openstack/options.ts';
import { imageServiceSuite } from '../conformance/image-service.ts';
import { driverParts, reading } from '../support/driver-parts.ts';
import { aFolder } from '../support/folder.ts';
import { type GlanceApi, startGlanceApi } from '../support/glance-api.ts';
import { needTools } from '../support/iscsi.ts';
import { aVolume, host, send, type TestManager, testManager } from '../support/manager.ts';
import { presets } from '../support/presets.ts';

const execute = promisify(execFile);
const signal = new AbortController().signal;
const context = contextFor({ user_id: 'u1', project_id: 'p1' });
const quietly = { signal, progress: () => {} };

let api: GlanceApi;

before(async () => {
  await needTools('qemu-img', 'prlimit');
  api = await startGlanceApi();
});
after(() => api?.stop());

function client(t: Pick<TestContext, 'after'>): ImageService {
  const files = { cafile: undefined, certfile: undefined, keyfile: undefined };
  const http = new HttpClient({ insecure: false, ...files, timeout: 120 });
  t.after(() => http.close());
  const values = { ...presets(glanceOptions), glance_api_servers: [api.url] };
  return glance({ http, values, serviceToken: undefined, log: silent });
}

imageServiceSuite('glance-api', async (t) => ({ images: client(t), make: (meta) => api.make(meta) }));

interface Stage {
  readonly manager: TestManager;
  readonly folder: string;
  readonly conversion: string;
  fileOf(id: string): string;
  image(meta: Readonly<Record<string, unknown>>, file: string): Promise<string>;
}

/** The file driver, qemu-img and glance-api, all real. */
async function aStage(t: TestContext, values: Partial<ImageValues> = {}): Promise<Stage> {
  const folder = aFolder(t);
  const parts = driverParts(folder);
  const conversion = join(folder, 'conversion');
  const driver = await fileDriver.create(parts, reading({ file_storage_dir: join(folder, 'volumes') }));
  await driver.doSetup(signal);
  t.after(() => driver.close());
  const images = client(t);
  const imageValues = { ...presets(imageOptions), image_conversion_dir: conversion, ...values };
  const files = imageFiles({ exec: parts.exec, values: imageValues, host, log: silent });
  const manager = await testManager({}, { driver, images, imageFiles: files });
  t.after(() => manager[Symbol.asyncDispose]());
  return {
    manager,
    folder,
    conversion,
    fileOf: (id) => join(folder, 'volumes', `volume-${id}`),
    async image(meta, file) {
      const id = await api.make({ container_format: 'bare', ...meta });
      await images.upload(context, id, file, { gzip: false, store: undefined }, quietly);
      return id;
    },
  };
}

async function create({ manager }: Stage, imageId: string, size = 1) {
  const volume = aVolume({ size });
  await manager.db.volumes.create(volume);
  const row = await manager.db.volumes.get(volume.id);
  const request_spec = {
    'versioned_object.name': 'RequestSpec',
    'versioned_object.namespace': 'cinder',
    'versioned_object.version': '1.5',
    'versioned_object.data': { volume_id: volume.id, image_id: imageId },
  };
  const message = { volume: volumeCodec.encode(row ?? { id: volume.id }), request_spec, filter_properties: {} };
  const failed = await send(manager, 'create_volume', message).then(
    () => undefined,
    (error: Error) => error,
  );
  return { id: volume.id, failed, status: (await manager.db.volumes.get(volume.id))?.status };
}

/** A raw disk with data at both ends and nothing between. */
async function aDisk(folder: string): Promise<string> {
  const file = join(folder, 'disk.raw');
  await writeFile(file, randomBytes(3 * 2 ** 20));
  await truncate(file, 64 * 2 ** 20);
  const handle = await open(file, 'r+');
  await handle.write(randomBytes(2 ** 20), 0, 2 ** 20, 60 * 2 ** 20);
  await handle.close();
  return file;
}

async function converted(disk: string, format: string, ...options: readonly string[]): Promise<string> {
  const file = `${disk}.${[format, ...options].join('-').replace(/[^\w.-]/g, '_')}`;
  await execute('qemu-img', ['convert', '-f', 'raw', '-O', format, ...options, disk, file]);
  return file;
}

/** Equal as far as the shorter one goes, zeros behind it. */
async function assertSame(one: string, other: string): Promise<void> {
  await execute('qemu-img', ['compare', '-f', 'raw', '-F', 'raw', one, other]);
}

test('images of every format become the same volume, which keeps its size and its holes [manager 4.4, S-51]', async (t) => {
  const stage = await aStage(t, { allow_compression_on_image_upload: true });
  const disk = await aDisk(stage.folder);
  const packed = `${disk}.gz`;
  await writeFile(packed, gzipSync(await readFile(disk)));
  const given: [Readonly<Record<string, unknown>>, string][] = [
    [{ disk_format: 'raw' }, disk],
    [{ disk_format: 'qcow2' }, await converted(disk, 'qcow2')],
    [{ disk_format: 'qcow2' }, await converted(disk, 'qcow2', '-c')],
    [{ disk_format: 'vmdk' }, await converted(disk, 'vmdk')],
    [{ disk_format: 'vmdk' }, await converted(disk, 'vmdk', '-o', 'subformat=streamOptimized')],
    [{ disk_format: 'vhd' }, await converted(disk, 'vpc', '-o', 'force_size=on')],
    [{ disk_format: 'vhdx' }, await converted(disk, 'vhdx')],
    [{ disk_format: 'vdi' }, await converted(disk, 'vdi')],
    [{ disk_format: 'raw', container_format: 'compressed' }, packed],
  ];

  for (const [meta, file] of given) {
    const { id, failed, status } = await create(stage, await stage.image(meta, file));

    assert.deepEqual([failed, status], [undefined, 'available'], file);
    await assertSame(stage.fileOf(id), disk);
    const { size, blocks } = await stat(stage.fileOf(id));
    assert.equal(size, 2 ** 30);
    assert.ok(blocks * 512 < 16 * 2 ** 20, `${file}: ${blocks} blocks`);
  }
  assert.deepEqual(await readdir(stage.conversion), []);
});

test('a volume becomes an image of every format, and a volume again [manager 8.2]', async (t) => {
  const stage = await aStage(t, { allow_compression_on_image_upload: true });
  const disk = await aDisk(stage.folder);
  const { id } = await create(stage, await stage.image({ disk_format: 'raw' }, disk));
  const formats = [
    ['raw', 'bare'],
    ['qcow2', 'bare'],
    ['vmdk', 'bare'],
    ['raw', 'compressed'],
    ['qcow2', 'compressed'],
  ] as const;

  for (const [disk_format, container_format] of formats) {
    const imageId = await api.make({ disk_format, container_format });
    await stage.manager.db.volumes.update(id, { status: 'uploading' });
    const image_meta = { id: imageId, disk_format, container_format };
    await send(stage.manager, 'copy_volume_to_image', { volume_id: id, image_meta });

    assert.equal((await stage.manager.db.volumes.get(id))?.status, 'available');
    const again = await create(stage, imageId);
    assert.deepEqual([again.failed, again.status], [undefined, 'available'], `${disk_format} ${container_format}`);
    await assertSame(stage.fileOf(again.id), disk);
  }
  assert.deepEqual(await readdir(stage.conversion), []);
});

test('a re-image replaces all data of a volume, also behind the end of a smaller image [manager 8.3]', async (t) => {
  const stage = await aStage(t);
  const disk = await aDisk(stage.folder);
  const { id } = await create(stage, await stage.image({ disk_format: 'raw' }, disk));
  const small = join(stage.folder, 'small.raw');
  await writeFile(small, Buffer.concat([randomBytes(2 ** 20), Buffer.alloc(2 ** 20)]));
  const imageId = await stage.image({ disk_format: 'qcow2' }, await converted(small, 'qcow2'));
  await stage.manager.db.volumes.update(id, { status: 'downloading', previous_status: 'available' });
  const volume = volumeCodec.encode((await stage.manager.db.volumes.get(id)) ?? { id });

  await send(stage.manager, 'reimage', { volume, image_meta: { id: imageId } });

  assert.equal((await stage.manager.db.volumes.get(id))?.status, 'available');
  await assertSame(stage.fileOf(id), small);
});

test('hostile and broken images are refused, and leave nothing behind [S-51, manager 4.5]', async (t) => {
  const stage = await aStage(t);
  const at = (name: string): string => join(stage.folder, name);
  const disk = await aDisk(stage.folder);
  const good = await converted(disk, 'qcow2');
  await execute('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', '/etc/passwd', '-F', 'raw', at('backed'), '1M']);
  const external = ['-o', `data_file=${at('outside')},data_file_raw=on`];
  await execute('qemu-img', ['create', '-q', '-f', 'qcow2', ...external, at('external'), '1M']);
  await writeFile(at('cut'), (await readFile(good)).subarray(0, 2 * 2 ** 20));
  await writeFile(at('head'), (await readFile(good)).subarray(0, 200));
  const large = await execute('qemu-img', ['create', '-q', '-f', 'qcow2', at('large'), '3G']).then(() => at('large'));
  const flat = await converted(disk, 'vmdk', '-o', 'subformat=monolithicFlat');
  const cases: [Readonly<Record<string, unknown>>, string, RegExp][] = [
    [{ disk_format: 'qcow2' }, at('backed'), /fmt=qcow2 backed by: \/etc\/passwd/],
    [{ disk_format: 'qcow2' }, at('external'), /A qcow2 format image is not allowed to have a data file/],
    [{ disk_format: 'qcow2' }, at('cut'), /damaged or was cut off/],
    [{ disk_format: 'qcow2' }, at('head'), /'qemu-img info' parsing failed|cut off/],
    [{ disk_format: 'raw' }, good, /claimed to be 'raw' but the image data appears to be in a different format/],
    [{ disk_format: 'qcow2' }, disk, /claimed to be 'qcow2'/],
    [{ disk_format: 'vmdk' }, flat, /claimed to be 'vmdk'/],
    [{ disk_format: 'qcow2' }, large, /virtual size is 3GB and doesn't fit in a volume of size 1GB/],
    [{ disk_format: 'raw', container_format: 'compressed' }, disk, /Image compression disallowed/],
  ];

  for (const [meta, file, message] of cases) {
    const { id, failed, status } = await create(stage, await stage.image(meta, file));

    assert.deepEqual([failed?.name, status], ['ImageUnacceptable', 'error'], file);
    assert.match(failed?.message ?? '', message);
    await assert.rejects(stat(stage.fileOf(id)), { code: 'ENOENT' });
    assert.deepEqual(await stage.manager.db.volumes.glanceMetadata({ volume_id: id }), {});
  }
  assert.deepEqual(await readdir(stage.conversion), []);
});

test('a download that is stopped leaves neither a file nor a program at work [manager 4.4, S-18]', async (t) => {
  const stage = await aStage(t);
  const disk = join(stage.folder, 'disk.raw');
  await writeFile(disk, randomBytes(200 * 2 ** 20));
  const imageId = await stage.image({ disk_format: 'raw' }, disk);
  const image = await stage.manager.images.show(context, imageId, signal);
  const stop = new AbortController();
  const progress = (done: number): void => {
    if (done > 2 ** 20) stop.abort(new Error('enough'));
  };

  const download = stage.manager.imageFiles.withFile('image_fetch', imageId, (path) =>
    stage.manager.images.download(context, image, path, { signal: stop.signal, progress }),
  );

  await assert.rejects(download, /enough/);
  assert.deepEqual(await readdir(stage.conversion), []);
});
