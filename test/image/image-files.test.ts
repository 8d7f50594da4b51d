import assert from 'node:assert/strict';
import { readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { silent } from '../../src/base/log.ts';
import { imageFiles } from '../../src/image/image-files.ts';
import { type ImageValues, imageOptions } from '../../src/image/options.ts';
import { parseInfo } from '../../src/image/qemu-img.ts';
import { type Executor, ProcessExecutionError, type RunOptions } from '../../src/interface/executor.ts';
import type { Image } from '../../src/interface/image-service.ts';
import { serviceHost } from '../../src/objects/host.ts';
import { decodeImage } from '../../src/openstack/glance-image.ts';
import { aFolder } from '../support/folder.ts';
import { qcow2Bytes } from '../support/image-bytes.ts';
import { presets } from '../support/presets.ts';

const host = serviceHost('node1', 'file1');
const signal = new AbortController().signal;
const info = JSON.stringify({
  'virtual-size': 2 ** 20,
  filename: 'x',
  format: 'qcow2',
  'format-specific': { data: {} },
});

/** qemu-img on paper. */
function setUp(
  t: TestContext,
  changes: Partial<ImageValues> = {},
  answer: (words: readonly string[]) => string | Error = () => info,
) {
  const folder = join(aFolder(t), 'conversion');
  const runs: { words: readonly string[]; options: RunOptions }[] = [];
  const exec: Executor = {
    run: async (file, args, options = {}) => {
      runs.push({ words: [file, ...args], options });
      const said = answer([file, ...args]);
      if (said instanceof Error) throw said;
      return { exitCode: 0, stdout: said, stderr: '' };
    },
    start: async () => Promise.reject(new Error('not here')),
    find: async (file) => `/usr/bin/${file}`,
  };
  const values = { ...presets(imageOptions), image_conversion_dir: folder, ...changes };
  return { folder, runs, files: imageFiles({ exec, values, host, log: silent }) };
}

function anImage(changes: Readonly<Record<string, unknown>> = {}): Image {
  return decodeImage({ id: 'i1', status: 'active', disk_format: 'raw', container_format: 'bare', ...changes });
}

test('a file of the folder bears our name at its end, and is gone however its use ends [manager 4.4, manager 2.2]', async (t) => {
  const { files, folder } = setUp(t);
  let name = '';

  await files.withFile('image_fetch', 'i1', async (path) => {
    await writeFile(path, 'x');
    [name = ''] = await readdir(folder);
  });
  await assert.rejects(
    files.withFile('image_fetch', 'i1', async (path) => {
      await writeFile(path, 'x');
      throw new Error('in the middle');
    }),
    /in the middle/,
  );

  assert.match(name, /^image_fetch_i1_[0-9a-f]{8}node1@file1$/);
  assert.deepEqual(await readdir(folder), []);
});

test('a start removes what this backend has left in the folder, and nothing else [manager 2.2]', async (t) => {
  const { files, folder } = setUp(t);
  await files.checkRoom(1, 'i1');
  for (const name of ['image_fetch_a_1node1@file1', 'image_fetch_a_1node1@file2', 'notes']) {
    await writeFile(join(folder, name), '');
  }

  await files.withFile('image_fetch', 'i1', async (path) => {
    await writeFile(path, 'in use');
    await files.sweep();
    assert.equal(await readFile(path, 'utf8'), 'in use');
  });

  assert.deepEqual((await readdir(folder)).sort(), ['image_fetch_a_1node1@file2', 'notes']);
  await setUp(t).files.sweep();
});

test('without room the image is too big [manager 4.4]', async (t) => {
  const { files } = setUp(t);

  await assert.rejects(files.checkRoom(2 ** 60, 'i1'), {
    name: 'ImageTooBig',
    message: /There is no space on .*conversion to convert image/,
  });
});

test('an image that claims another format than its data have is refused, and no program has opened it [S-51]', async (t) => {
  const { files, folder, runs } = setUp(t);
  await files.checkRoom(1, 'i1');
  const path = join(folder, 'f');
  await writeFile(path, qcow2Bytes());

  await assert.rejects(files.inspect(path, anImage(), 2 ** 30, signal), {
    name: 'ImageUnacceptable',
    message:
      "Image i1 is unacceptable: The image format was claimed to be 'raw' but the image data appears to be in a different format.",
  });
  await writeFile(path, qcow2Bytes({ backing: '/etc/passwd' }));
  await assert.rejects(files.inspect(path, anImage({ disk_format: 'qcow2' }), 2 ** 30, signal), {
    name: 'ImageUnacceptable',
    message: 'Image i1 is unacceptable: fmt=qcow2 backed by: /etc/passwd',
  });
  assert.deepEqual(runs, []);
});

test('qemu-img is told the format, and has limits of time and memory when it looks into an image [manager 4.5]', async (t) => {
  const { files, folder, runs } = setUp(t);
  await files.checkRoom(1, 'i1');
  const path = join(folder, 'f');
  await writeFile(path, qcow2Bytes());

  const found = await files.inspect(path, anImage({ disk_format: 'qcow2' }), 2 ** 30, signal);

  assert.deepEqual(found, { path, format: 'qcow2', virtualSize: 2 ** 20 });
  assert.deepEqual(
    runs.map(({ words }) => words),
    [
      ['qemu-img', 'info', '-f', 'qcow2', '--output=json', path],
      ['qemu-img', 'check', '-f', 'qcow2', path],
    ],
  );
  for (const { options } of runs) assert.deepEqual(options.limits, { cpuSeconds: 60, addressSpace: 2 ** 30 });
});

test('what qemu-img cannot read is refused, with what it says [manager 4.5]', async (t) => {
  const failure = new ProcessExecutionError({ command: 'qemu-img', exitCode: 1, stderr: 'qemu-img: Could not open' });
  const { files, folder } = setUp(t, {}, () => failure);
  await files.checkRoom(1, 'i1');
  await writeFile(join(folder, 'f'), qcow2Bytes());

  await assert.rejects(files.inspect(join(folder, 'f'), anImage({ disk_format: 'qcow2' }), 2 ** 30, signal), {
    name: 'ImageUnacceptable',
    message: /'qemu-img info' parsing failed. qemu-img: Could not open/,
  });
});

test('a compressed image is unpacked where that is allowed, and no further than a volume is large [manager 4.5]', async (t) => {
  const { files, folder } = setUp(t, { allow_compression_on_image_upload: true });
  await files.checkRoom(1, 'i1');
  const path = join(folder, 'f');
  const image = anImage({ container_format: 'compressed' });
  await writeFile(path, gzipSync(Buffer.alloc(1_000_000, 5)));

  const found = await files.inspect(path, image, 1_000_000, signal);

  assert.equal(found.virtualSize, 1_000_000);
  assert.ok((await readFile(path)).equals(Buffer.alloc(1_000_000, 5)));
  await writeFile(path, gzipSync(Buffer.alloc(1_000_001)));
  await assert.rejects(files.inspect(path, image, 1_000_000, signal), {
    name: 'ImageUnacceptable',
    message: /larger than/,
  });
  await writeFile(path, Buffer.alloc(100));
  await assert.rejects(files.inspect(path, image, 1_000_000, signal), { message: /Only gzip is supported currently/ });
  await assert.rejects(setUp(t).files.inspect(path, image, 1_000_000, signal), {
    message: /Image compression disallowed/,
  });
  assert.deepEqual(await readdir(folder), ['f']);
});

test('conversion may be forbidden, in both directions [manager 4.5]', async (t) => {
  const { files } = setUp(t, { image_conversion_disable: true });

  files.checkConversion(anImage(), 'raw', false);
  assert.throws(() => files.checkConversion(anImage({ disk_format: 'qcow2' }), 'raw', false), {
    name: 'ImageConversionNotAllowed',
    message: /The volume type you have requested requires that the image it is being created from be in 'raw' format/,
  });
  assert.throws(() => files.checkConversion(anImage({ disk_format: 'vmdk' }), 'raw', true), {
    message: /The image disk_format you have requested is 'vmdk'/,
  });
});

test('a volume keeps its size: a blank one gets what is not zero, another everything and an empty rest [manager 8.3]', async (t) => {
  const { files, folder, runs } = setUp(t);
  await files.checkRoom(1, 'i1');
  const volume = join(folder, 'volume');
  await writeFile(volume, '');
  await truncate(volume, 2 ** 21);
  const image = { path: '/i', format: 'vpc', virtualSize: 2 ** 20 };
  const seen: number[] = [];
  const transfer = { signal, progress: (done: number, total: number) => void seen.push(done, total) };

  await files.writeToVolume(image, { path: volume, format: 'raw' }, true, transfer);
  await files.writeToVolume(image, { path: volume, format: 'raw' }, false, transfer);

  const cache = runs[0]?.words[4] ?? '';
  assert.match(cache, /^(none|writeback)$/);
  const convert = ['qemu-img', 'convert', '-p', '-t', cache];
  assert.deepEqual(
    runs.map(({ words }) => words),
    [
      [...convert, '-n', '--target-is-zero', '-f', 'vpc', '-O', 'raw', '/i', volume],
      ['fallocate', '--punch-hole', '--offset', `${2 ** 20}`, '--length', `${2 ** 20}`, volume],
      [...convert, '-n', '-f', 'vpc', '-O', 'raw', '/i', volume],
    ],
  );
  runs[0]?.options.onStdout?.('    (25.00/100%)\r    (50.00/100%)\r');
  assert.deepEqual(seen.slice(-2), [2 ** 19, 2 ** 20]);
  assert.equal((await stat(volume)).size, 2 ** 21);
});

test('the output of qemu-img is read as it is, other files in it as well [manager 4.5]', () => {
  const captured =
    '{"virtual-size": 67108864, "filename": "df.qcow2", "cluster-size": 65536, "format": "qcow2", "actual-size": 200704, ' +
    '"format-specific": {"type": "qcow2", "data": {"compat": "1.1", "data-file": "/tmp/x.raw", "lazy-refcounts": false}}, ' +
    '"dirty-flag": false}';

  assert.deepEqual(parseInfo(captured), { format: 'qcow2', virtualSize: 67108864, other: '/tmp/x.raw' });
  assert.throws(() => parseInfo('[]'), ProcessExecutionError);
});
