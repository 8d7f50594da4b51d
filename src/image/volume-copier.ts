import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CopyOptions, DataCopier, DataPlace } from '../interface/data-copier.ts';
import type { Executor } from '../interface/executor.ts';
import { placeOf } from './data-places.ts';

/**
 * Copies volumes with qemu-img, which knows formats, holes and the network. Where it is not installed dd copies what is raw
 * and has a path, holes included as zeros. What it must hand over by a file stands in `folder` meanwhile: that of the state,
 * since nothing else is sure to be writable (O-32).
 */
export function volumeCopier(exec: Executor, folder: string): DataCopier {
  return {
    reach: (info, connector, signal) => placeOf({ info, connector, exec, signal }),
    async copy(from, to, options) {
      if (isPlain(from) && isPlain(to) && (await exec.find('qemu-img')) === undefined) {
        await dd(exec, from.path, to.path, options);
      } else if ('path' in from && 'path' in to) {
        await convert(exec, ['-f', from.format, '-O', to.format, from.path, to.path], isAnyDevice(from, to), options);
      } else {
        await convertByClients(exec, folder, from, to, options);
      }
    },
  };
}

/** `-n`: the target is there and is written over, zeros included; `writeback`: the data are on the disk at the end. */
async function convert(
  exec: Executor,
  places: readonly string[],
  asRoot: boolean,
  { signal, progress }: CopyOptions,
): Promise<void> {
  const onStdout = (text: string): void => {
    const percent = [...text.matchAll(/\(([\d.]+)\/100%\)/g)].at(-1)?.[1];
    if (percent !== undefined) progress(Number(percent), 100);
  };
  const words = ['convert', '-p', '-n', '-t', 'writeback', ...places];
  await exec.run('qemu-img', words, { signal, onStdout, asRoot, background: true });
  progress(100, 100);
}

/** Secrets go by files that nobody else can read: other users see the arguments of a command. */
async function convertByClients(
  exec: Executor,
  base: string,
  from: DataPlace,
  to: DataPlace,
  options: CopyOptions,
): Promise<void> {
  const folder = await mkdtemp(join(base, '.volume-copy-'));
  try {
    const objects: string[] = [];
    for (const [name, place] of Object.entries({ source: from, target: to })) {
      if (!('client' in place) || place.secret === undefined) continue;
      await writeFile(join(folder, name), place.secret, { mode: 0o600 });
      objects.push('--object', `secret,id=${name},file=${join(folder, name)}`);
    }
    const places = ['--image-opts', '--target-image-opts', imageOptions('source', from), imageOptions('target', to)];
    await convert(exec, [...objects, ...places], isAnyDevice(from, to), options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function imageOptions(name: string, place: DataPlace): string {
  const file =
    'path' in place
      ? { driver: place.path.startsWith('/dev/') ? 'host_device' : 'file', filename: place.path }
      : { ...place.client, ...(place.secret === undefined ? {} : { 'password-secret': name }) };
  const options = Object.entries(file).map(([key, value]) => `file.${key}=${value.replaceAll(',', ',,')}`);
  return [`driver=${place.format}`, ...options].join(',');
}

async function dd(exec: Executor, from: string, to: string, { signal, progress }: CopyOptions): Promise<void> {
  const words = [`if=${from}`, `of=${to}`, 'bs=4M', 'conv=notrunc,fsync'];
  await exec.run('dd', words, { signal, asRoot: [from, to].some(isDevice), background: true });
  progress(100, 100);
}

function isPlain(place: DataPlace): place is DataPlace & { readonly path: string } {
  return 'path' in place && place.format === 'raw' && place.path.startsWith('/');
}

function isAnyDevice(...places: readonly DataPlace[]): boolean {
  return places.some((place) => 'path' in place && isDevice(place.path));
}

function isDevice(path: string): boolean {
  return path.startsWith('/dev/');
}
