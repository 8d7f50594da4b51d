import type { Executor, RunOptions } from '../interface/executor.ts';
import type { LocalFormat, Progress } from '../interface/volume-driver.ts';

/** An image file, and how it is to be read: a format is told and never guessed, since guests write what they like (S-51). */
export interface Image {
  readonly path: string;
  readonly format: LocalFormat;
}

export interface ImageInfo {
  readonly virtualSize: number;
  /** As the header names it. */
  readonly backing: { readonly file: string; readonly format: LocalFormat | undefined } | undefined;
}

/** qemu-img: images of one file each, and chains of qcow2 files. Long commands end with this process, however it ends. */
export class QemuImg {
  readonly #exec: Executor;
  readonly #asRoot: () => boolean;

  constructor(exec: Executor, asRoot: () => boolean) {
    this.#exec = exec;
    this.#asRoot = asRoot;
  }

  /** What the header says; also of an image that a guest has open. */
  async info({ path, format }: Image, signal: AbortSignal): Promise<ImageInfo> {
    const words = ['info', '-f', format, '--output=json', '--force-share', path];
    const { stdout } = await this.#run(words, signal, { maxOutput: 2 ** 20, asRoot: true });
    return parseInfo(stdout);
  }

  /** Whether a guest has written to an overlay: nothing of its own means that it was only just made. */
  async hasOwnData(path: string, signal: AbortSignal): Promise<boolean> {
    const { stdout } = await this.#run(['map', '-f', 'qcow2', '--output=json', '--force-share', path], signal);
    const extents: unknown = JSON.parse(stdout);
    if (!Array.isArray(extents)) throw new Error('qemu-img map printed no list');
    return extents.some((extent) => extent.depth === 0 && extent.present === true);
  }

  async create(path: string, gib: number, signal: AbortSignal): Promise<void> {
    const words = ['create', '-q', '-f', 'qcow2', '-o', 'preallocation=metadata', path, String(gib * 2 ** 30)];
    await this.#run(words, signal, { background: true });
  }

  /** An empty qcow2 file over `backing`, a file of the same folder. */
  async createOverlay(
    path: string,
    backing: { file: string; format: LocalFormat },
    bytes: number,
    signal: AbortSignal,
  ): Promise<void> {
    const base = `backing_file=${backing.file},backing_fmt=${backing.format}`;
    await this.#run(['create', '-q', '-f', 'qcow2', '-o', base, path, String(bytes)], signal);
  }

  /** Says on which file `path` stands: no data are looked at. */
  async rebase(path: string, backing: { file: string; format: LocalFormat }, signal: AbortSignal): Promise<void> {
    await this.#run(['rebase', '-u', '-f', 'qcow2', '-b', backing.file, '-F', backing.format, path], signal);
  }

  /** The same, and keeps what `path` reads as: it gets its own copy of whatever differs. */
  async rebaseSafely(path: string, backing: { file: string; format: LocalFormat }, signal: AbortSignal): Promise<void> {
    const words = ['rebase', '-f', 'qcow2', '-b', backing.file, '-F', backing.format, path];
    await this.#run(words, signal, { background: true });
  }

  /** Writes what the overlay has into the file below it; the overlay stays as it is. May be repeated. */
  async commit(path: string, signal: AbortSignal): Promise<void> {
    await this.#run(['commit', '-q', '-f', 'qcow2', '-d', path], signal, { background: true });
  }

  /** A file of its own with the data of `source` and of what that stands on. Holes stay holes. */
  async convert(source: Image, target: Image, signal: AbortSignal, progress: Progress): Promise<void> {
    const onStdout = (text: string): void => {
      const percent = [...text.matchAll(/\(([\d.]+)\/100%\)/g)].at(-1)?.[1];
      if (percent !== undefined) progress(Number(percent), 100);
    };
    const words = ['convert', '-p', '-f', source.format, '-O', target.format, source.path, target.path];
    await this.#run(words, signal, { background: true, onStdout });
  }

  async resize({ path, format }: Image, gib: number, signal: AbortSignal): Promise<void> {
    await this.#run(['resize', '-q', '-f', format, path, `${gib}G`], signal);
  }

  #run(words: readonly string[], signal: AbortSignal, options: RunOptions = {}) {
    return this.#exec.run('qemu-img', words, { asRoot: this.#asRoot(), signal, ...options });
  }
}

function parseInfo(stdout: string): ImageInfo {
  const info: unknown = JSON.parse(stdout);
  if (typeof info !== 'object' || info === null) throw new Error('qemu-img info printed no object');
  const fields = info as Readonly<Record<string, unknown>>;
  const { 'virtual-size': virtualSize, 'backing-filename': file, 'backing-filename-format': format } = fields;
  if (typeof virtualSize !== 'number') throw new Error('qemu-img info told no virtual size');
  if (hasDataFile(fields)) throw new Error('the image keeps its data in another file');
  if (typeof file !== 'string') return { virtualSize, backing: undefined };
  return { virtualSize, backing: { file, format: format === 'raw' || format === 'qcow2' ? format : undefined } };
}

function hasDataFile(info: Readonly<Record<string, unknown>>): boolean {
  const specific = info['format-specific'] as { data?: Record<string, unknown> } | undefined;
  return specific?.data?.['data-file'] !== undefined;
}
