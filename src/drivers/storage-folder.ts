import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import {
  access,
  chmod,
  type FileHandle,
  link,
  lstat,
  open,
  opendir,
  realpath,
  rename,
  stat,
  unlink,
} from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../base/errors.ts';
import { makeFolder } from '../base/folders.ts';
import { FolderSync } from './folder-sync.ts';
import { reflink } from './sparse-copy.ts';

/** What the files of a folder take up, in bytes, and how many there are. */
export interface FolderUsage {
  readonly files: number;
  /** What the files promise: the sum of their sizes. */
  readonly provisioned: number;
  /** What they take on disk now. */
  readonly allocated: number;
}

/**
 * A folder whose plain files are volumes and snapshots. A file appears under its name when it is whole and on disk, never
 * before: until then it is a draft with a name of its own. Checked on every access to still be the folder it was at
 * the start, so that nothing is written below a mount point whose file system is gone.
 */
export class StorageFolder {
  readonly path: string;
  readonly #dev: number;
  readonly #ino: number;
  readonly #entries: FolderSync;
  /** Drafts of this process, which a sweep leaves alone. */
  readonly #drafts = new Set<string>();

  /** Opens the folder, made with mode 0750 when absent (O-33). Throws why it cannot hold volumes safely (S-32). */
  static async open(folder: string): Promise<StorageFolder> {
    const uid = process.geteuid?.() ?? 0;
    try {
      await makeFolder(folder, 0o750);
      const path = await realpath(folder);
      const seen = await stat(path);
      if (!seen.isDirectory()) throw new Error('it is no folder');
      if (/[\n\r\0,"]/.test(path)) throw new Error('its path has a comma, a quote or a line break in it');
      if (seen.uid !== uid && seen.uid !== 0) throw new Error(`it belongs to uid ${seen.uid}`);
      if ((seen.mode & 0o002) !== 0) throw new Error('everybody may write to it (chmod o-w)');
      await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
      return new StorageFolder(path, seen.dev, seen.ino);
    } catch (error) {
      throw new Error(`file_storage_dir ${folder} cannot be used by uid ${uid}: ${messageOf(error)}`, { cause: error });
    }
  }

  private constructor(path: string, dev: number, ino: number) {
    this.path = path;
    this.#dev = dev;
    this.#ino = ino;
    this.#entries = new FolderSync(path);
  }

  /** Where a file of that name stands. Throws for what is no plain, visible file name. */
  fileOf(name: string): string {
    if (!/^[\w:+-][\w.:+-]{0,249}$/.test(name)) throw new Error(`${JSON.stringify(name)} cannot name a file`);
    return join(this.path, name);
  }

  /** Throws when another file system stands here than at the start, or none. */
  async check(): Promise<void> {
    const seen = await stat(this.path).catch((error: unknown) => {
      throw new Error(`folder ${this.path} is gone: ${messageOf(error)}`, { cause: error });
    });
    if (seen.dev !== this.#dev || seen.ino !== this.#ino) {
      throw new Error(`folder ${this.path} is not the one it was at the start: was its file system unmounted?`);
    }
  }

  /** Size in bytes of a file; undefined when there is none. Throws for a link, a folder, or a file of another owner. */
  async sizeOf(name: string): Promise<number | undefined> {
    const file = this.fileOf(name);
    await this.check();
    const seen = await lstat(file).catch(absent);
    if (seen === undefined) return undefined;
    if (!seen.isFile() || seen.dev !== this.#dev) throw new Error(`${file} is no plain file of this folder`);
    const uid = process.geteuid?.() ?? 0;
    if (seen.uid !== uid && uid !== 0) throw new Error(`${file} belongs to uid ${seen.uid}, not to us (uid ${uid})`);
    return seen.size;
  }

  /**
   * Makes the file `name`, or replaces it, by what `fill` writes into an empty draft. Whatever happens before the end, there
   * is no draft left and what bore the name before still does.
   */
  async write(name: string, signal: AbortSignal, fill: Fill): Promise<void> {
    const file = this.fileOf(name);
    await this.check();
    await this.#withDraft(name, async (draft, handle) => {
      signal.throwIfAborted();
      await fill(draft, handle);
      await handle.sync();
      signal.throwIfAborted();
      await rename(draft, file);
      return 'named';
    });
    await this.#entries.sync();
  }

  /**
   * Names a file anew; a name that is taken by another file is an error. Success where an earlier run did so, wherever it was
   * cut off.
   */
  async adopt(from: string, to: string): Promise<void> {
    const [source, target] = [this.fileOf(from), this.fileOf(to)];
    if ((await this.sizeOf(from)) === undefined) {
      if ((await this.sizeOf(to)) !== undefined) return;
      throw new Error(`there is no file ${source}`);
    }
    if (from === to) return;
    await chmod(source, 0o600);
    await link(source, target).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
      const [one, other] = await Promise.all([lstat(source), lstat(target)]);
      if (one.ino !== other.ino) throw new Error(`there is another file ${target} already`, { cause: error });
    });
    await unlink(source);
    await this.#entries.sync();
  }

  /** The plain files and their sizes in bytes, drafts and what else is hidden aside. */
  async list(): Promise<ReadonlyMap<string, number>> {
    await this.check();
    const found = new Map<string, number>();
    for await (const entry of await opendir(this.path, { bufferSize: 256 })) {
      if (entry.name.startsWith('.') || !entry.isFile()) continue;
      const seen = await lstat(join(this.path, entry.name)).catch(absent);
      if (seen?.isFile()) found.set(entry.name, seen.size);
    }
    return found;
  }

  /** Whether files can share blocks. Tried out: the name of a file system says little about its format. */
  async sharesBlocks(): Promise<boolean> {
    return this.#withDraft('probe', async (source, handle) => {
      await handle.truncate(65_536);
      return this.#withDraft('probe', (copy) =>
        reflink(source, copy).then(
          () => true,
          (error: NodeJS.ErrnoException) => {
            if (cannotShare.has(error.code ?? '')) return false;
            throw error;
          },
        ),
      );
    });
  }

  async #withDraft<T>(name: string, body: (draft: string, handle: FileHandle) => Promise<T>): Promise<T> {
    const draft = join(this.path, `.${name}.${randomBytes(4).toString('hex')}${draftEnding}`);
    this.#drafts.add(draft);
    let result: T | undefined;
    try {
      const handle = await open(draft, 'wx', 0o600);
      try {
        result = await body(draft, handle);
        return result;
      } finally {
        await handle.close();
      }
    } finally {
      if (result !== 'named') await unlink(draft).catch(absent);
      this.#drafts.delete(draft);
    }
  }

  /** Opens a file that is there for reading and writing; never follows a link. */
  async change(name: string, body: (handle: FileHandle) => Promise<void>): Promise<void> {
    await this.check();
    const handle = await open(this.fileOf(name), constants.O_RDWR | constants.O_NOFOLLOW);
    try {
      await body(handle);
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  /** Removes a file; one that is gone is success. */
  async remove(name: string): Promise<void> {
    await this.check();
    const gone = await unlink(this.fileOf(name)).then(() => true, absent);
    if (gone === true) await this.#entries.sync();
  }

  /** Removes the drafts that an earlier process left, and adds up the rest. */
  async sweep(): Promise<FolderUsage> {
    let usage = { files: 0, provisioned: 0, allocated: 0 };
    const look = async (name: string): Promise<void> => {
      const file = join(this.path, name);
      if (name.startsWith('.')) {
        if (name.endsWith(draftEnding) && !this.#drafts.has(file)) await unlink(file).catch(absent);
        return;
      }
      const seen = await lstat(file).catch(absent);
      if (!seen?.isFile()) return;
      const { files, provisioned, allocated } = usage;
      usage = { files: files + 1, provisioned: provisioned + seen.size, allocated: allocated + seen.blocks * 512 };
    };
    let batch: Promise<void>[] = [];
    for await (const entry of await opendir(this.path, { bufferSize: 256 })) {
      batch.push(look(entry.name));
      if (batch.length === 64) {
        await Promise.all(batch);
        batch = [];
      }
    }
    await Promise.all(batch);
    return usage;
  }
}

/** Fills an empty file, by its name or by the open handle. */
export type Fill = (draft: string, handle: FileHandle) => Promise<void>;

const draftEnding = '.part';

const cannotShare = new Set(['ENOTSUP', 'EOPNOTSUPP', 'EXDEV', 'EINVAL', 'ENOSYS', 'ENOTTY']);

/** Turns "no such file" into undefined. */
function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
