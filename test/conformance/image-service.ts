import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { ImageService } from '../../src/interface/image-service.ts';
import { contextFor } from '../../src/objects/context.ts';
import { aFolder } from '../support/folder.ts';

/** An image service under test. */
export interface ImageServiceUnderTest {
  readonly images: ImageService;
  /** Makes a queued image. */
  make(meta: Readonly<Record<string, unknown>>): Promise<string>;
}

type SetUp = (t: TestContext) => Promise<ImageServiceUnderTest>;

const context = contextFor({ user_id: 'u1', project_id: 'p1' });
const signal = new AbortController().signal;
const quietly = { signal, progress: () => {} };
const whole = { gzip: false, store: undefined };

/** What every image service does, the real one and the stand-in. */
export function imageServiceSuite(name: string, setUp: SetUp): void {
  test(`${name}: what is uploaded is downloaded again, and the image is active [manager 4.4, manager 8.2]`, async (t) => {
    const { images, make } = await setUp(t);
    const folder = aFolder(t);
    const data = randomBytes(3_000_001);
    await writeFile(join(folder, 'up'), data);
    const id = await make({ disk_format: 'raw', container_format: 'bare', name: 'n', os_distro: 'debian' });
    const seen: number[] = [];
    const progress = (done: number, total: number) => void seen.push(done, total);

    await images.upload(context, id, join(folder, 'up'), whole, { signal, progress });
    const image = await images.show(context, id, signal);
    await images.download(context, image, join(folder, 'down'), quietly);

    assert.deepEqual([image.status, image.size, image.name], ['active', data.length, 'n']);
    assert.deepEqual([image.disk_format, image.properties['os_distro']], ['raw', 'debian']);
    assert.ok(image.updated_at !== null && image.checksum !== null);
    assert.ok((await readFile(join(folder, 'down'))).equals(data));
    assert.deepEqual(seen.slice(-2), [data.length, data.length]);
  });

  test(`${name}: an upload is compressed on the way where that is asked for [manager 4.5]`, async (t) => {
    const { images, make } = await setUp(t);
    const folder = aFolder(t);
    await writeFile(join(folder, 'up'), Buffer.alloc(1_000_000, 7));
    const id = await make({ disk_format: 'raw', container_format: 'compressed' });

    await images.upload(context, id, join(folder, 'up'), { ...whole, gzip: true }, quietly);
    const image = await images.show(context, id, signal);
    await images.download(context, image, join(folder, 'down'), quietly);

    assert.ok((image.size ?? 0) < 10_000);
    assert.ok(gunzipSync(await readFile(join(folder, 'down'))).equals(Buffer.alloc(1_000_000, 7)));
  });

  test(`${name}: an upload that is cut off leaves no active image [manager 8.2]`, async (t) => {
    const { images, make } = await setUp(t);
    const folder = aFolder(t);
    await writeFile(join(folder, 'up'), randomBytes(20_000_000));
    const id = await make({ disk_format: 'raw', container_format: 'bare' });
    const stop = new AbortController();
    const progress = (done: number): void => {
      if (done > 5_000_000) stop.abort(new Error('enough'));
    };

    const upload = images.upload(context, id, join(folder, 'up'), whole, { signal: stop.signal, progress });

    await assert.rejects(upload, /enough/);
    const { status } = await images.show(context, id, signal);
    assert.ok(['queued', 'saving'].includes(status), status);
  });

  test(`${name}: what is not there is ImageNotFound, and removing it again is success [manager 4.4]`, async (t) => {
    const { images, make } = await setUp(t);
    const id = await make({ disk_format: 'raw', container_format: 'bare' });

    await images.remove(context, id, signal);
    await images.remove(context, id, signal);

    await assert.rejects(images.show(context, id, signal), { name: 'ImageNotFound' });
    await assert.rejects(images.show(context, randomUUID(), signal), { name: 'ImageNotFound' });
  });
}
