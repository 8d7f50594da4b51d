import { basename, dirname, join } from 'node:path';
import type { Executor, RunOptions } from '../interface/executor.ts';

/**
 * Files of a mounted share. Everything goes through child processes: a server that does not answer keeps a child waiting and
 * never a thread of ours, of which there are four for all file work (S-19, O-11). The programs are those that upstream's
 * rootwrap filters let through (S-50).
 */
export class RemoteFiles {
  readonly #exec: Executor;
  readonly #asRoot: () => boolean;

  constructor(exec: Executor, asRoot: () => boolean) {
    this.#exec = exec;
    this.#asRoot = asRoot;
  }

  /** Size in bytes of a plain file; undefined when there is none. Throws for a link, a folder and the like. */
  async size(path: string, signal?: AbortSignal): Promise<number | undefined> {
    const { exitCode, stdout, stderr } = await this.#run('stat', ['-c', '%s %f', path], signal, { exitCodes: [0, 1] });
    if (exitCode !== 0) {
      if (/No such file or directory/.test(stderr)) return undefined;
      throw new Error(stderr.trim());
    }
    const [size = '', mode = ''] = stdout.trim().split(' ');
    if ((Number.parseInt(mode, 16) & 0o170_000) !== 0o100_000) throw new Error(`${path} is no plain file`);
    return Number(size);
  }

  async list(folder: string, signal?: AbortSignal): Promise<readonly string[]> {
    const { stdout } = await this.#run('ls', ['-1A', folder], signal);
    return stdout.split('\n').filter((name) => name !== '');
  }

  /** The text of a small file; undefined when there is none. */
  async read(path: string, signal?: AbortSignal): Promise<string | undefined> {
    const options = { maxOutput: 2 ** 20, exitCodes: [0, 1] };
    const { exitCode, stdout, stderr } = await this.#run('dd', [`if=${path}`, 'status=none'], signal, options);
    if (exitCode === 0) return stdout;
    if (/No such file or directory/.test(stderr)) return undefined;
    throw new Error(stderr.trim());
  }

  /** Whether the file begins as a qcow2 image does. */
  async isQcow2(path: string, signal?: AbortSignal): Promise<boolean> {
    const { stdout } = await this.#run('dd', [`if=${path}`, 'bs=4', 'count=1', 'status=none'], signal);
    return stdout.startsWith('QFI');
  }

  /** Replaces the file: a reader sees the old text or the new one, also after a crash. */
  async write(path: string, text: string, permissions: string, signal?: AbortSignal): Promise<void> {
    const draft = draftOf(path);
    await this.#run('dd', [`of=${draft}`, 'status=none', 'conv=fsync'], signal, { input: text });
    await this.chmod(draft, permissions, signal);
    await this.rename(draft, path, signal);
  }

  /** Gives a file another name of its folder; a file of that name is replaced. */
  async rename(from: string, to: string, signal?: AbortSignal): Promise<void> {
    await this.#run('mv', ['-f', '-T', from, to], signal);
  }

  /** The same where no file may be replaced: there is one of either name afterwards, or both as they were. */
  async renameNew(from: string, to: string, signal?: AbortSignal): Promise<void> {
    await this.#run('mv', ['-n', '-T', from, to], signal);
    if ((await this.size(from, signal)) !== undefined) throw new Error(`there is another file ${to} already`);
  }

  /** What is gone is success. */
  async remove(...paths: readonly string[]): Promise<void> {
    if (paths.length > 0) await this.#run('rm', ['-f', '--', ...paths], undefined);
  }

  async chmod(path: string, permissions: string, signal?: AbortSignal): Promise<void> {
    await this.#run('chmod', [permissions, path], signal);
  }

  async chownLike(reference: string, path: string, signal?: AbortSignal): Promise<void> {
    await this.#run('chown', [`--reference=${reference}`, path], signal);
  }

  /** A file without blocks, as large as it says. */
  async createSparse(path: string, gib: number, signal: AbortSignal): Promise<void> {
    await this.#run('truncate', ['-s', `${gib}G`, path], signal);
  }

  /** A file whose blocks are all there. */
  async createFull(path: string, gib: number, signal: AbortSignal): Promise<void> {
    const words = ['if=/dev/zero', `of=${path}`, 'bs=1M', `count=${gib * 1024}`];
    await this.#run('dd', words, signal, { background: true });
  }

  #run(program: string, args: readonly string[], signal: AbortSignal | undefined, options: RunOptions = {}) {
    return this.#exec.run(program, args, { asRoot: this.#asRoot(), ...(signal && { signal }), ...options });
  }
}

/** Where something is made that takes the place of `path` when it is whole. */
export function draftOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.part`);
}
