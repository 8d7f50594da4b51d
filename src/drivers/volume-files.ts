import type { Executor } from '../interface/executor.ts';
import type { Progress } from '../interface/volume-driver.ts';
import { ExtendVolumeError, VolumeBackendAPIException } from '../objects/exceptions.ts';
import { reflink, sparseCopy } from './sparse-copy.ts';
import { attempt } from './storage-failure.ts';
import type { Fill, FolderUsage, StorageFolder } from './storage-folder.ts';
import { GiB } from './volume-size.ts';

/** The volumes and snapshots of one folder, by name; sizes are in GiB. Failures are what a manager is told. */
export class VolumeFiles {
  /** Copies share the blocks of their source: they are of one moment, also while the source is in use. */
  readonly sharesBlocks: boolean;
  readonly #folder: StorageFolder;
  readonly #exec: Executor;
  #used: FolderUsage = { files: 0, provisioned: 0, allocated: 0 };

  static async open(folder: StorageFolder, exec: Executor): Promise<VolumeFiles> {
    return new VolumeFiles(folder, exec, await folder.sharesBlocks());
  }

  private constructor(folder: StorageFolder, exec: Executor, sharesBlocks: boolean) {
    this.#folder = folder;
    this.#exec = exec;
    this.sharesBlocks = sharesBlocks;
  }

  get path(): string {
    return this.#folder.path;
  }

  /** Kept up with every change; `allocated` is of the last sweep. */
  get used(): FolderUsage {
    return this.#used;
  }

  fileOf(name: string): string {
    return this.#folder.fileOf(name);
  }

  async check(): Promise<void> {
    await this.#folder.check();
  }

  /** Removes what a killed process left half made, and counts the rest anew. Nobody else may be at work in the folder. */
  async sweep(): Promise<void> {
    this.#used = await this.#folder.sweep();
  }

  /** The file of a size that a row tells; an error names it when it is missing or of another size. */
  async expect(name: string, gib: number): Promise<string> {
    return this.expectBetween(name, gib, gib);
  }

  /** The same for a file that may have grown since its row was written. */
  async expectBetween(name: string, least: number, most: number): Promise<string> {
    const size = await this.sizeOf(name);
    if (isBetween(size, least, most)) return this.fileOf(name);
    throw new VolumeBackendAPIException({
      data: `${this.fileOf(name)} ${found(size)}; expected ${range(least, most)}`,
    });
  }

  /** An empty file, also where another one stood: it takes that one's place when it is whole. */
  async create(name: string, gib: number, signal: AbortSignal): Promise<void> {
    await this.#make(name, gib, signal, (_draft, handle) => handle.truncate(gib * GiB));
  }

  /** A file with the data of `source`, a path, and zeros from there to its size. */
  async copy(source: string, name: string, gib: number, signal: AbortSignal, progress: Progress): Promise<void> {
    await this.#make(name, gib, signal, async (draft, handle) => {
      if (this.sharesBlocks) await reflink(source, draft);
      else await sparseCopy(this.#exec, source, draft, { signal, progress });
      await handle.truncate(gib * GiB);
    });
  }

  /** Grows a file. Between the two sizes it was left by an earlier attempt; anything else is an error, and stays. */
  async grow(name: string, from: number, to: number, signal: AbortSignal): Promise<void> {
    const size = await this.sizeOf(name);
    if (size === undefined || !isBetween(size, from, to)) {
      throw new ExtendVolumeError({ reason: `${this.fileOf(name)} ${found(size)}; expected ${range(from, to)}` });
    }
    if (size === to * GiB) return;
    signal.throwIfAborted();
    const grow = (): Promise<void> => this.#folder.change(name, (handle) => handle.truncate(to * GiB));
    await attempt(`${name} cannot grow to ${to} GiB`, grow, signal);
    this.#count(0, to * GiB - size);
  }

  /** Removes a file; one that is gone is success. */
  async remove(name: string): Promise<void> {
    const size = await this.sizeOf(name);
    if (size === undefined) return;
    await attempt(`cannot remove ${name}`, () => this.#folder.remove(name));
    this.#count(-1, -size);
  }

  /** Every file and its size in bytes, whoever put it there. */
  async list(): Promise<ReadonlyMap<string, number>> {
    return attempt(`cannot list ${this.path}`, () => this.#folder.list());
  }

  /** Gives the file `from` the name `to` and whole GiB. Success where that has been done already. */
  async adopt(from: string, to: string): Promise<void> {
    await attempt(`cannot give ${from} the name ${to}`, async () => {
      const size = await this.#folder.sizeOf(from);
      const whole = Math.ceil((size ?? 0) / GiB) * GiB;
      if (size !== undefined && size < whole) {
        await this.#folder.change(from, (handle) => handle.truncate(whole));
        this.#count(0, whole - size);
      }
      await this.#folder.adopt(from, to);
    });
  }

  async #make(name: string, gib: number, signal: AbortSignal, fill: Fill): Promise<void> {
    const make = async (): Promise<void> => {
      const before = await this.#folder.sizeOf(name);
      await this.#folder.write(name, signal, fill);
      this.#count(before === undefined ? 1 : 0, gib * GiB - (before ?? 0));
    };
    await attempt(`cannot make ${name} of ${gib} GiB`, make, signal);
  }

  /** Size in bytes of the file `name`; undefined when there is none. */
  async sizeOf(name: string): Promise<number | undefined> {
    return attempt(`cannot look at ${name}`, () => this.#folder.sizeOf(name));
  }

  #count(files: number, bytes: number): void {
    const { allocated } = this.#used;
    this.#used = { files: this.#used.files + files, provisioned: this.#used.provisioned + bytes, allocated };
  }
}

function isBetween(size: number | undefined, least: number, most: number): boolean {
  return size !== undefined && size >= least * GiB && size <= most * GiB && size % GiB === 0;
}

function found(size: number | undefined): string {
  return size === undefined ? 'is not there' : `has ${size} bytes`;
}

function range(least: number, most: number): string {
  return least === most ? `${least * GiB} (${least} GiB)` : `from ${least} to ${most} GiB`;
}
