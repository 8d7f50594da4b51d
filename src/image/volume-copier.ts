import type { CopyOptions, DataCopier, DataPlace } from '../interface/data-copier.ts';
import type { Executor } from '../interface/executor.ts';

/**
 * Copies volumes with qemu-img, which knows formats, holes and the network. Where it is not installed dd copies what is raw
 * and has a path, holes included as zeros.
 */
export function volumeCopier(exec: Executor): DataCopier {
  return {
    async copy(from, to, options) {
      if (isPlain(from) && isPlain(to) && (await exec.find('qemu-img')) === undefined)
        await dd(exec, from, to, options);
      else await convert(exec, from, to, options);
    },
  };
}

/** `-n`: the target is there and is written over, zeros included; `writeback`: the data are on the disk at the end. */
async function convert(
  exec: Executor,
  from: DataPlace,
  to: DataPlace,
  { signal, progress }: CopyOptions,
): Promise<void> {
  const onStdout = (text: string): void => {
    const percent = [...text.matchAll(/\(([\d.]+)\/100%\)/g)].at(-1)?.[1];
    if (percent !== undefined) progress(Number(percent), 100);
  };
  const words = [
    'convert',
    '-p',
    '-n',
    '-t',
    'none',
    '-T',
    'none',
    '-f',
    from.format,
    '-O',
    to.format,
    from.path,
    to.path,
  ];
  await exec.run('qemu-img', words, { signal, onStdout, asRoot: [from, to].some(isDevice), background: true });
  progress(100, 100);
}

async function dd(exec: Executor, from: DataPlace, to: DataPlace, { signal, progress }: CopyOptions): Promise<void> {
  const words = [`if=${from.path}`, `of=${to.path}`, 'bs=4M', 'conv=notrunc,fsync'];
  await exec.run('dd', words, { signal, asRoot: [from, to].some(isDevice), background: true });
  progress(100, 100);
}

function isPlain({ path, format }: DataPlace): boolean {
  return format === 'raw' && path.startsWith('/');
}

function isDevice({ path }: DataPlace): boolean {
  return path.startsWith('/dev/');
}
