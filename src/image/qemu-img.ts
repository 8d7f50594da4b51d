import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { type Executor, ProcessExecutionError, type RunOptions } from '../interface/executor.ts';
import type { Transfer } from '../interface/image-service.ts';
import { isRecord } from '../objects/versioned-object.ts';

/** What `qemu-img info` says of an image, as far as we go by it. */
export interface QemuInfo {
  readonly format: string;
  readonly virtualSize: number;
  /** Another file that it needs, of whichever kind. */
  readonly other: string | undefined;
}

export interface Conversion {
  readonly from: { readonly path: string; readonly format: string };
  readonly to: { readonly path: string; readonly format: string };
  /** The target is there and keeps its size; `blank` says that it reads as zeros. */
  readonly onto?: { readonly blank: boolean };
  readonly compress?: boolean;
  /** Bytes, for the progress. */
  readonly size: number;
}

/** Glance's names for formats that qemu-img calls otherwise; `ami` is whatever a disk may hold (manager.md §4.5). */
const qemuNames: Readonly<Record<string, string>> = {
  iso: 'raw',
  ami: 'raw',
  ari: 'raw',
  aki: 'raw',
  vhd: 'vpc',
  ploop: 'parallels',
};

export function qemuFormat(diskFormat: string): string {
  return qemuNames[diskFormat] ?? diskFormat;
}

/** The system's qemu-img. It is always told the format, never left to guess it. */
export class QemuImg {
  readonly #exec: Executor;
  readonly #limits: NonNullable<RunOptions['limits']>;

  constructor(exec: Executor, limits: NonNullable<RunOptions['limits']>) {
    this.#exec = exec;
    this.#limits = limits;
  }

  /** Looks into a file whose header is known to be safe. Throws ProcessExecutionError for what is no such image. */
  async info(path: string, format: string, signal: AbortSignal): Promise<QemuInfo> {
    const words = ['info', '-f', format, '--output=json', path];
    const { stdout } = await this.#exec.run('qemu-img', words, { signal, limits: this.#limits, background: true });
    return parseInfo(stdout);
  }

  /** Holds the tables of a qcow2 file against its length: one that was cut off would read as zeros. False: it is damaged. */
  async isWhole(path: string, signal: AbortSignal): Promise<boolean> {
    // 2: damaged. 3: clusters that nobody uses, which harms nobody.
    const options = { signal, limits: this.#limits, background: true, exitCodes: [0, 2, 3] };
    const { exitCode } = await this.#exec.run('qemu-img', ['check', '-f', 'qcow2', path], options);
    return exitCode !== 2;
  }

  /** Copies an image into another format, or onto what is there already. Durable when it resolves. */
  async convert(conversion: Conversion, { signal, progress }: Transfer): Promise<void> {
    const { from, to, onto, compress, size } = conversion;
    // Upstream leaves flushing to the kernel; a volume that is `available` must survive the machine.
    const cache = ['-t', (await takesDirect(to.path)) ? 'none' : 'writeback'];
    const target = [...(onto ? ['-n'] : []), ...(onto?.blank ? ['--target-is-zero'] : [])];
    const words = ['-p', ...cache, ...target, ...(compress ? ['-c'] : []), '-f', from.format, '-O', to.format];
    const onStdout = (text: string): void => {
      const [percent] = text.match(/\d+\.\d+(?=\/100%)/g)?.slice(-1) ?? [];
      if (percent !== undefined) progress(Math.round((size * Number(percent)) / 100), size);
    };
    await this.#exec.run('qemu-img', ['convert', ...words, from.path, to.path], { signal, background: true, onStdout });
    progress(size, size);
  }
}

/** The output of `qemu-img info --output=json`. */
export function parseInfo(stdout: string): QemuInfo {
  const info: unknown = JSON.parse(stdout);
  if (!isRecord(info) || typeof info['format'] !== 'string' || typeof info['virtual-size'] !== 'number') {
    throw new ProcessExecutionError({
      command: 'qemu-img info',
      stdout,
      description: 'What it wrote is no image info.',
    });
  }
  const specific = isRecord(info['format-specific']) ? info['format-specific']['data'] : undefined;
  const names = [info['backing-filename'], isRecord(specific) ? specific['data-file'] : undefined];
  const other = names.find((name) => typeof name === 'string');
  return { format: info['format'], virtualSize: info['virtual-size'], other };
}

/** Whether a file can be written past the page cache; one that is still to be made cannot tell. */
async function takesDirect(path: string): Promise<boolean> {
  try {
    const handle = await open(path, constants.O_RDWR | constants.O_DIRECT);
    await handle.close();
    return true;
  } catch {
    return false;
  }
}
