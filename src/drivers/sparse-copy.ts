import { constants, copyFile, stat } from 'node:fs/promises';
import type { Executor } from '../interface/executor.ts';
import type { Progress } from '../interface/volume-driver.ts';

/** Makes `copy` share the blocks of `source`: at once, of one moment, also while the source is written to. */
export async function reflink(source: string, copy: string): Promise<void> {
  await copyFile(source, copy, constants.COPYFILE_FICLONE_FORCE);
}

/**
 * Copies the data of a file and leaves its holes holes; cp finds them without reading (S-30). Runs in a child, so that
 * nothing here waits for a disk. Fails when somebody writes to the source meanwhile: the copy would be of no moment.
 */
export async function sparseCopy(
  exec: Executor,
  source: string,
  copy: string,
  options: { readonly signal: AbortSignal; readonly progress: Progress; readonly lookEvery?: number },
): Promise<void> {
  const { progress, lookEvery = 500 } = options;
  const before = await stat(source, { bigint: true });
  const total = Number(before.blocks) * 512;
  const changed = new AbortController();
  const look = async (): Promise<void> => {
    const [now, made] = await Promise.all([stat(source, { bigint: true }), stat(copy)]);
    if (now.mtimeNs !== before.mtimeNs || now.size !== before.size) changed.abort(new SourceChanged(source));
    progress(Math.min(made.blocks * 512, total), total);
  };
  // A look that fails tells nothing: cp will say what is wrong, and the last look is not caught.
  const timer = setInterval(() => void look().catch(() => {}), lookEvery);
  try {
    const signal = AbortSignal.any([options.signal, changed.signal]);
    await exec.run('cp', ['--sparse=always', source, copy], { signal, background: true });
  } finally {
    clearInterval(timer);
  }
  await look();
  changed.signal.throwIfAborted();
  progress(total, total);
}

/** Somebody wrote to the source while it was copied. */
class SourceChanged extends Error {
  constructor(source: string) {
    super(`${source} was written to while it was copied`);
  }
}
