import { existsSync, unlinkSync, utimesSync } from 'node:fs';
import { readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../base/errors.ts';
import { naming } from '../base/file-error.ts';
import { makeFolderSync } from '../base/folders.ts';
import type { Logger } from '../base/log.ts';
import { KeyedMutex } from '../base/mutex.ts';
import { Backoff } from '../base/retry.ts';
import type { Coordinator, HeldLock, OtherHolder } from '../interface/coordinator.ts';
import { type FileLock, takeFileLock } from './file-lock.ts';
import { lockHolder, processName } from './lock-holder.ts';

export interface CoordinatorSettings {
  /** The folder of the lock files; made with mode 0750 when absent (O-33). */
  readonly folder: string;
  /** `cinder.coordination`. */
  readonly logger: Logger;
  /** Milliseconds of waiting after which the log says for whom (O-22c); 60,000 by default. */
  readonly warnAfter?: number;
}

/** Opens the locks of this machine. Throws, naming folder and user, when they cannot be kept there. */
export function openCoordinator(settings: CoordinatorSettings): Coordinator {
  try {
    makeFolderSync(settings.folder, 0o750);
  } catch (error) {
    throw new Error(`lock folder ${settings.folder} cannot be made by uid ${process.getuid?.()}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return new FileCoordinator(settings);
}

const prefix = 'cinder-';

class FileCoordinator implements Coordinator {
  readonly #folder: string;
  readonly #logger: Logger;
  readonly #warnAfter: number;
  readonly #mutex = new KeyedMutex();

  constructor({ folder, logger, warnAfter = 60_000 }: CoordinatorSettings) {
    this.#folder = folder;
    this.#logger = logger;
    this.#warnAfter = warnAfter;
  }

  async withLock<T>(name: string, body: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const file = this.#fileOf(name);
    const warning = setTimeout(() => void this.#tellHolder(name, file), this.#warnAfter).unref();
    try {
      return await this.#mutex.withLock(
        file,
        async () => {
          const lock = await this.#take(file, signal);
          clearTimeout(warning);
          try {
            return await body();
          } finally {
            lock.release();
          }
        },
        signal,
      );
    } finally {
      clearTimeout(warning);
    }
  }

  async tryLock(file: string): Promise<HeldLock | OtherHolder> {
    const lock = takeFileLock(file);
    if (lock === undefined) return { held: false, note: await noteOf(file), pid: await lockHolder(file) };
    try {
      return heldLock(file, lock, await noteOf(file));
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  async forget(id: string): Promise<void> {
    if (id === '') throw new Error('forget() needs the id of a resource');
    const names = await readdir(this.#folder);
    for (const name of names.filter((entry) => entry.startsWith(prefix) && entry.includes(id))) {
      const file = join(this.#folder, name);
      if (!existsSync(file)) continue;
      // Removed while it is held: who waits for it finds that its file is no longer the one of that name.
      const lock = takeFileLock(file);
      try {
        if (lock !== undefined) unlinkSync(file);
      } finally {
        lock?.release();
      }
    }
  }

  #fileOf(name: string): string {
    if (!/^[^/\0]{1,200}$/.test(name)) throw new Error(`${JSON.stringify(name)} cannot name a lock file`);
    return join(this.#folder, prefix + name);
  }

  async #take(file: string, signal: AbortSignal | undefined): Promise<FileLock> {
    const backoff = new Backoff({ first: 5, most: 200, factor: 1.5, spread: 5 });
    for (;;) {
      const lock = takeFileLock(file);
      if (lock !== undefined) {
        if (stamped(file)) return lock;
        lock.release();
      }
      await backoff.wait(signal);
    }
  }

  async #tellHolder(name: string, file: string): Promise<void> {
    const seconds = this.#warnAfter / 1000;
    try {
      const [pid, { mtimeMs }] = await Promise.all([lockHolder(file), stat(file)]);
      const who =
        pid === undefined ? 'a process that the kernel does not name' : `process ${pid} (${await processName(pid)})`;
      const age = Math.round((Date.now() - mtimeMs) / 1000);
      this.#logger.warning(
        'Waiting for lock %s for more than %d s: held by %s for about %d s',
        name,
        seconds,
        who,
        age,
      );
    } catch (error) {
      this.#logger.warning('Waiting for lock %s for more than %d s: %s', name, seconds, messageOf(error));
    }
  }
}

function heldLock(file: string, lock: FileLock, note: string): HeldLock {
  let last = Promise.resolve();
  let released = false;
  return {
    held: true,
    note,
    write: (text) => {
      if (released) return Promise.reject(new Error(`the lock on ${file} was released`));
      const write = async (): Promise<void> => {
        const draft = `${noteFile(file)}.new`;
        await naming(draft, () => writeFile(draft, `${text}\n`, { mode: 0o640 }));
        await rename(draft, noteFile(file));
      };
      const done = last.then(write);
      last = done.catch(() => {});
      return done;
    },
    release: async () => {
      if (released) return;
      released = true;
      await last;
      lock.release();
    },
  };
}

/** Tells waiters since when the lock is held, without opening its file. False: somebody removed the file under the lock. */
function stamped(file: string): boolean {
  const now = Date.now() / 1000;
  try {
    utimesSync(file, now, now);
    return true;
  } catch (error) {
    // The file of another user keeps its time: then only the age in a log line is wrong.
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

/** The note stands beside the lock file, which may be opened by nobody but its holder. */
function noteFile(file: string): string {
  return `${file}.note`;
}

async function noteOf(file: string): Promise<string> {
  try {
    return (await readFile(noteFile(file), 'utf8')).trimEnd();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
