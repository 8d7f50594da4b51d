import { copyFile, open, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { silent } from '../../src/base/log.ts';
import { imageFiles } from '../../src/image/image-files.ts';
import { type ImageValues, imageOptions } from '../../src/image/options.ts';
import type { Executor } from '../../src/interface/executor.ts';
import type { VolumeDriver } from '../../src/interface/volume-driver.ts';
import type { Volume } from '../../src/objects/volume.ts';
import { glance } from '../../src/openstack/glance.ts';
import { HttpClient } from '../../src/openstack/http.ts';
import { glanceOptions } from '../../src/openstack/options.ts';
import { aFolder } from './folder.ts';
import { GlanceStandIn } from './glance-stand-in.ts';
import { host, type TestManager, testManager } from './manager.ts';
import { presets } from './presets.ts';

/** Bytes that stand for a GiB here: a test need not move more. */
export const unit = 2 ** 20;

export interface ImageManager {
  readonly manager: TestManager;
  readonly glance: GlanceStandIn;
  /** Where a volume of the driver stands. */
  fileOf(volume: Pick<Volume, 'id'>): string;
  /** The files that are in the conversion folder. */
  temporary(): Promise<readonly string[]>;
}

interface Given {
  readonly driver?: Partial<VolumeDriver>;
  readonly settings?: Partial<TestManager['settings']>;
  readonly values?: Partial<ImageValues>;
}

/** A manager with Glance's stand-in, files as volumes, and a qemu-img that copies raw data. */
export async function imageManager(t: TestContext, given: Given = {}): Promise<ImageManager> {
  const standIn = await GlanceStandIn.start(t);
  const folder = aFolder(t);
  const conversion = join(folder, 'conversion');
  const fileOf = ({ id }: Pick<Volume, 'id'>): string => join(folder, id);
  const files = { cafile: undefined, certfile: undefined, keyfile: undefined };
  const http = new HttpClient({ insecure: false, ...files, timeout: 20 });
  t.after(() => http.close());
  const values = { ...presets(imageOptions), image_conversion_dir: conversion, ...given.values };
  const manager = await testManager(
    {
      createVolume: async (volume) => {
        await writeFile(fileOf(volume), '');
        await truncate(fileOf(volume), volume.size * unit);
        return { provider_id: `made-${volume.size}` };
      },
      createClonedVolume: async (volume, source) => {
        await copyFile(fileOf(source), fileOf(volume));
        await truncate(fileOf(volume), volume.size * unit);
        return {};
      },
      extendVolume: async (volume, size) => truncate(fileOf(volume), size * unit),
      deleteVolume: async (volume) => rm(fileOf(volume), { force: true }),
      withLocalPath: async (volume, _access, body) => body(fileOf(volume), 'raw'),
      ...given.driver,
    },
    {
      images: glance({
        http,
        values: { ...presets(glanceOptions), glance_api_servers: [standIn.url] },
        serviceToken: undefined,
        log: silent,
        pause: 1,
      }),
      imageFiles: imageFiles({ exec: copyingQemuImg(), values, host, log: silent }),
    },
  );
  t.after(() => manager[Symbol.asyncDispose]());
  manager.settings = { ...manager.settings, ...given.settings };
  return {
    manager,
    glance: standIn,
    fileOf,
    temporary: () => readdir(conversion).catch(() => []),
  };
}

/** `qemu-img convert` between raw files, as far as it can be had without the program. */
function copyingQemuImg(): Executor {
  return {
    async run(_file, args) {
      const [from = '', to = ''] = args.slice(-2);
      if (args[0] === 'convert') await copyOnto(from, to);
      return { exitCode: 0, stdout: '', stderr: '' };
    },
    start: async () => Promise.reject(new Error('nothing is started here')),
    find: async (file) => file,
  };
}

async function copyOnto(from: string, to: string): Promise<void> {
  const [source, target] = [await open(from, 'r'), await open(to, 'r+')];
  try {
    const { size } = await stat(from);
    const { buffer } = await source.read(Buffer.alloc(size), 0, size, 0);
    await target.write(buffer, 0, size, 0);
  } finally {
    await source.close();
    await target.close();
  }
}
