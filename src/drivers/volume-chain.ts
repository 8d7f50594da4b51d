import { basename, join } from 'node:path';
import { messageOf } from '../base/errors.ts';
import type { LocalFormat, Progress } from '../interface/volume-driver.ts';
import type { Image, QemuImg } from './qemu-img.ts';
import { draftOf, type RemoteFiles } from './remote-files.ts';
import { GiB } from './volume-size.ts';

/** `NAME.info`: the file that the volume is now, and for each snapshot the file that was put on top when it was made. */
type Info = Readonly<Record<string, string>> & { readonly active: string };

/** What the driver knows of the volume from elsewhere. */
export interface ChainOptions {
  readonly files: RemoteFiles;
  readonly qemu: QemuImg;
  readonly folder: string;
  /** Name of the volume, and of its first file. */
  readonly name: string;
  /** `format` of the volume's admin metadata. */
  readonly format: string | undefined;
  /** Mode of new files, as chmod takes it. */
  readonly permissions: string;
  /** New files belong to whom the old ones belong. */
  readonly keepOwner: boolean;
}

/**
 * The files of one volume, as upstream's NFS driver lays them out: `NAME`, on top of it a qcow2 file `NAME.<snapshot id>` for
 * each snapshot, and `NAME.info` once there was one. What a snapshot holds is the file *below* the one that bears its id.
 * The caller has the volume's lock, and sees to it that no guest has the files open where something is changed.
 *
 * A change of the chain is ordered so that it can be cut off anywhere: the data first, then `NAME.info`, and only then is
 * removed what nothing refers to any more. What upstream's order leaves (the file is gone before `NAME.info` says so) is
 * taken further as well.
 */
export class VolumeChain {
  readonly #options: ChainOptions;

  constructor(options: ChainOptions) {
    this.#options = options;
  }

  pathOf(file: string): string {
    return join(this.#options.folder, file);
  }

  async info(signal: AbortSignal): Promise<Info | undefined> {
    const { files, name } = this.#options;
    const path = this.pathOf(`${name}.info`);
    const text = await files.read(path, signal);
    if (text === undefined) return undefined;
    try {
      return this.#parse(text);
    } catch (error) {
      throw new Error(`${path} cannot be understood: ${messageOf(error)}`, { cause: error });
    }
  }

  /** The file that hosts open. */
  async active(signal: AbortSignal): Promise<Image> {
    const file = (await this.info(signal))?.active ?? this.#options.name;
    return this.image(file, signal);
  }

  /** Ids of the snapshots that the chain holds. */
  async snapshots(signal: AbortSignal): Promise<readonly string[]> {
    return Object.keys((await this.info(signal)) ?? {}).filter((key) => key !== 'active');
  }

  async image(file: string, signal: AbortSignal): Promise<Image> {
    return { path: this.pathOf(file), format: await this.#formatOf(file, signal) };
  }

  /** What a snapshot holds. Throws when the chain does not know it. */
  async imageOf(snapshotId: string, signal: AbortSignal): Promise<Image> {
    const file = (await this.info(signal))?.[snapshotId];
    if (file === undefined) {
      throw new Error(`${this.pathOf(this.#options.name)}.info names no file for snapshot ${snapshotId}`);
    }
    const below = await this.#below(file, signal);
    if (below === undefined) throw new Error(`${this.pathOf(file)} stands on no file: snapshot ${snapshotId} is lost`);
    return { path: this.pathOf(below.file), format: below.format };
  }

  /** Puts an empty file on top, unless an earlier run did. What that one left unfinished is made anew. */
  async addSnapshot(id: string, gib: number, signal: AbortSignal): Promise<void> {
    const { name, files } = this.#options;
    const info = await this.info(signal);
    if (info?.[id] !== undefined) return;
    const file = `${name}.${id}`;
    if (Object.values(info ?? {}).includes(file)) {
      throw new Error(`${this.pathOf(file)} belongs to another snapshot already`);
    }
    if ((await files.size(this.pathOf(file), signal)) !== undefined && (await this.#isUsed(file, signal))) {
      throw new Error(
        `a guest has written to ${this.pathOf(file)} when an online snapshot was cut off: it is left as it is`,
      );
    }
    try {
      await this.putOnTop(file, info?.active ?? name, gib, signal);
      await this.#write({ ...info, [id]: file, active: file }, signal);
    } catch (error) {
      if ((await this.info(AbortSignal.timeout(10_000)))?.[id] === undefined) await files.remove(this.pathOf(file));
      throw error;
    }
  }

  /** An empty file over another, not yet in `NAME.info`. */
  async putOnTop(file: string, below: string, gib: number, signal: AbortSignal): Promise<void> {
    const { qemu, files } = this.#options;
    const path = this.pathOf(file);
    const { format, path: base } = await this.image(below, signal);
    await files.remove(path);
    await qemu.createOverlay(path, { file: below, format }, gib * GiB, signal);
    await this.#own(path, base, signal);
  }

  /** Notes that the active file is `file`, made by `putOnTop` for that snapshot. */
  async record(id: string, file: string, signal: AbortSignal): Promise<void> {
    await this.#write({ ...(await this.info(signal)), [id]: file, active: file }, signal);
  }

  /** Removes a file of the volume that nothing refers to any more. */
  async discard(file: string): Promise<void> {
    await this.#options.files.remove(this.pathOf(file));
  }

  /** Replaces `NAME.info`. */
  async rewrite(info: Info, signal: AbortSignal): Promise<void> {
    await this.#write(info, signal);
  }

  /** Merges the file of a snapshot into the one below it. A snapshot that the chain does not know is success. */
  async removeSnapshot(id: string, signal: AbortSignal): Promise<void> {
    const { files, name } = this.#options;
    const info = await this.info(signal);
    const file = info?.[id];
    if (info === undefined || file === undefined) {
      await this.#removeStray(`${name}.${id}`, info, signal);
      return;
    }
    if ((await files.size(this.pathOf(file), signal)) === undefined) {
      await this.#finishRemoval(id, file, info, signal);
      return;
    }
    const below = await this.#below(file, signal);
    // Nova has pulled everything into this file, and was cut off before that was noted.
    if (below === undefined) return this.#write(without(info, id), signal);
    await this.#merge(file, below, info, signal);
    await this.#write({ ...without(info, id), active: file === info.active ? below.file : info.active }, signal);
    await files.remove(this.pathOf(file));
  }

  /** Gives the active file the data of a snapshot; the other snapshots keep theirs. */
  async revert(id: string, gib: number, signal: AbortSignal, progress: Progress): Promise<void> {
    const { files, qemu } = this.#options;
    const source = await this.imageOf(id, signal);
    const info = await this.info(signal);
    if (info === undefined) throw new Error(`${this.pathOf(this.#options.name)}.info is gone`);
    const path = this.pathOf(info.active);
    const below = await this.#below(info.active, signal);
    const draft = draftOf(path);
    await files.remove(draft);
    try {
      if (below !== undefined && info[id] === info.active) {
        await qemu.createOverlay(draft, below, gib * GiB, signal);
      } else {
        await qemu.convert(source, { path: draft, format: 'qcow2' }, signal, progress);
        await qemu.resize({ path: draft, format: 'qcow2' }, gib, signal);
        if (below !== undefined) await qemu.rebaseSafely(draft, below, signal);
      }
      await this.#own(draft, path, signal);
      await files.rename(draft, path, signal);
    } catch (error) {
      await files.remove(draft);
      throw error;
    }
  }

  /** Every file of the volume that is there: its own, those of snapshots, `NAME.info` and what was left half made. */
  async all(signal: AbortSignal): Promise<readonly string[]> {
    const { files, folder, name } = this.#options;
    const ours = new RegExp(`^(\\.?${escaped(name)}(\\.info|\\.[0-9a-f-]{36})?(\\.part)?)$`);
    return (await files.list(folder, signal)).filter((file) => ours.test(file));
  }

  /** Files from the active one down, each with the one below it. */
  async links(from: string, signal: AbortSignal): Promise<readonly Link[]> {
    const links: Link[] = [];
    for (let file: string | undefined = from; file !== undefined; ) {
      if (links.length > 1000 || links.some((link) => link.file === file)) throw new Error(`${file} stands on itself`);
      const below = await this.#below(file, signal);
      links.push({ file, below });
      file = below?.file;
    }
    return links;
  }

  async #merge(file: string, below: Base, info: Info, signal: AbortSignal): Promise<void> {
    const { qemu } = this.#options;
    if (file === info.active) return qemu.commit(this.pathOf(file), signal);
    const links = await this.links(info.active, signal);
    const above = links.find((link) => link.below?.file === file);
    // A run that was cut off before it wrote NAME.info has put the file above where it belongs.
    if (above === undefined && links.some((link) => link.below?.file === below.file)) return;
    if (above === undefined) throw new Error(`no file of the volume stands on ${this.pathOf(file)}`);
    await qemu.commit(this.pathOf(file), signal);
    await qemu.rebase(this.pathOf(above.file), below, signal);
  }

  /** The file has been merged and is gone; what refers to it is put right. */
  async #finishRemoval(id: string, file: string, info: Info, signal: AbortSignal): Promise<void> {
    const { qemu, name } = this.#options;
    const named = new Set([name, ...Object.values(info)].filter((each) => each !== file));
    const there: Link[] = [];
    for (const each of named) {
      if ((await this.#options.files.size(this.pathOf(each), signal)) === undefined) continue;
      there.push({ file: each, below: await this.#below(each, signal) });
    }
    const above = there.find((link) => link.below?.file === file);
    if (file !== info.active && above === undefined) return this.#write(without(info, id), signal);
    const bases = there.filter(
      ({ file: each }) => each !== info.active && !there.some((link) => link.below?.file === each),
    );
    const [base] = bases;
    if (base === undefined || bases.length > 1) {
      const found = bases.map((link) => link.file).join(', ') || 'none';
      throw new Error(`${this.pathOf(file)} is gone, and what it stood on cannot be told (candidates: ${found})`);
    }
    if (above !== undefined) {
      const format = await this.#formatOf(base.file, signal);
      await qemu.rebase(this.pathOf(above.file), { file: base.file, format }, signal);
    }
    await this.#write({ ...without(info, id), active: file === info.active ? base.file : info.active }, signal);
  }

  /** What a run left that was cut off before it wrote `NAME.info`, or after; what a guest wrote to stays for the operator. */
  async #removeStray(file: string, info: Info | undefined, signal: AbortSignal): Promise<void> {
    const { files, name } = this.#options;
    if ((await files.size(this.pathOf(file), signal)) === undefined) return;
    const used = [...Object.values(info ?? {})];
    const links = await this.links(info?.active ?? name, signal);
    if ([...used, ...links.map((link) => link.file)].includes(file)) return;
    if (!(await this.#isUsed(file, signal))) await files.remove(this.pathOf(file));
  }

  /** The file of an online snapshot that was cut off may hold what a guest wrote; a file that is no image yet does not. */
  async #isUsed(file: string, signal: AbortSignal): Promise<boolean> {
    const { files, qemu } = this.#options;
    const path = this.pathOf(file);
    return (await files.isQcow2(path, signal)) && qemu.hasOwnData(path, signal);
  }

  async #below(file: string, signal: AbortSignal): Promise<Base | undefined> {
    const image = await this.image(file, signal);
    if (image.format === 'raw') return undefined;
    const { backing } = await this.#options.qemu.info(image, signal);
    if (backing === undefined) return undefined;
    const below = basename(backing.file);
    if (!this.#isOurs(below))
      throw new Error(`${image.path} stands on ${backing.file}, which is no file of the volume`);
    return { file: below, format: backing.format ?? (await this.#formatOf(below, signal)) };
  }

  /**
   * Only the first file may be raw, and then a guest writes what it begins with. So the row tells the format; but upstream
   * writes a wrong one there for a clone whose format is another than its source's. A raw file always has whole GiB, which a
   * guest cannot change and a qcow2 file has by chance only.
   */
  async #formatOf(file: string, signal: AbortSignal): Promise<LocalFormat> {
    const { name, files, format } = this.#options;
    if (file !== name) return 'qcow2';
    const path = this.pathOf(file);
    const size = await files.size(path, signal);
    if (size === undefined) throw new Error(`there is no file ${path}`);
    const looksRaw = size > 0 && size % GiB === 0;
    if (looksRaw && format === 'raw') return 'raw';
    if (!(await files.isQcow2(path, signal))) return 'raw';
    if (looksRaw && format === undefined) {
      throw new Error(`whether ${path} is raw or qcow2 cannot be told: the volume has no admin metadata 'format'`);
    }
    return 'qcow2';
  }

  #isOurs(file: string): boolean {
    const { name } = this.#options;
    return file === name || new RegExp(`^${escaped(name)}\\.(tmp-snap-)?[0-9a-f-]+$`, 'i').test(file);
  }

  #parse(text: string): Info {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('it is no object');
    for (const [key, file] of Object.entries(value)) {
      if (typeof file !== 'string' || !this.#isOurs(file)) throw new Error(`${key} names no file of the volume`);
    }
    if (!('active' in value)) throw new Error('it names no active file');
    return value as Info;
  }

  /** Spelled as Python's json.dump does with `indent=1, sort_keys=True`. */
  async #write(info: Info, signal: AbortSignal): Promise<void> {
    const { files, name, permissions } = this.#options;
    const sorted = Object.fromEntries(Object.entries(info).sort(([one], [other]) => (one < other ? -1 : 1)));
    await files.write(this.pathOf(`${name}.info`), JSON.stringify(sorted, null, 1), permissions, signal);
  }

  async #own(path: string, like: string, signal: AbortSignal): Promise<void> {
    const { files, permissions, keepOwner } = this.#options;
    await files.chmod(path, permissions, signal);
    if (keepOwner) await files.chownLike(like, path, signal);
  }
}

interface Base {
  readonly file: string;
  readonly format: LocalFormat;
}

interface Link {
  readonly file: string;
  readonly below: Base | undefined;
}

function without(info: Info, id: string): Info {
  const { [id]: _gone, ...rest } = info;
  return { ...rest, active: info.active };
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
