import { randomBytes } from 'node:crypto';
import { readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../base/errors.ts';
import { makeFolder } from '../base/folders.ts';
import type { Logger } from '../base/log.ts';
import type { ServiceHost } from '../objects/host.ts';
import { ImageTooBig } from '../objects/image-exceptions.ts';

/**
 * `image_conversion_dir`, which every backend of the machine shares: the names of our files end with our own name, as
 * upstream's do, so that each backend finds what a process of its own has left (manager.md §2.2 step i).
 */
export class ConversionFolder {
  readonly path: string;
  readonly #host: ServiceHost;
  readonly #log: Logger;
  readonly #inUse = new Set<string>();

  constructor(path: string, host: ServiceHost, log: Logger) {
    this.path = path;
    this.#host = host;
    this.#log = log;
  }

  async checkRoom(bytes: number, imageId: string): Promise<void> {
    await this.#make();
    const { bavail, bsize } = await statfs(this.path);
    const free = bavail * bsize;
    if (free > bytes) return;
    const reason = `There is no space on ${this.path} to convert image. ` + `Requested: ${bytes}, available: ${free}.`;
    throw new ImageTooBig({ image_id: imageId, reason });
  }

  async withFile<T>(purpose: string, imageId: string, body: (path: string) => Promise<T>): Promise<T> {
    await this.#make();
    const name = `${purpose}_${imageId.replace(/[^\w-]/g, '_')}_${randomBytes(4).toString('hex')}${this.#host}`;
    const path = join(this.path, name);
    this.#inUse.add(name);
    try {
      return await body(path);
    } finally {
      await rm(path, { force: true });
      this.#inUse.delete(name);
    }
  }

  async sweep(): Promise<void> {
    try {
      const names = await readdir(this.path).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
        return [];
      });
      for (const name of names.filter((each) => each.endsWith(this.#host) && !this.#inUse.has(each))) {
        await rm(join(this.path, name), { force: true });
      }
    } catch (error) {
      this.#log.warning('Exception caught while clearing temporary image files: %s', messageOf(error));
    }
  }

  async #make(): Promise<void> {
    await makeFolder(this.path, 0o750);
  }
}
