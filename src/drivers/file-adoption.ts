import { repr } from '../base/python-text.ts';
import type { Naming } from '../interface/naming.ts';
import type {
  ExistingReference,
  ManageableSnapshot,
  ManageableVolume,
  ModelUpdate,
} from '../interface/volume-driver.ts';
import { ManageExistingInvalidReference } from '../objects/exceptions.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import type { Volume } from '../objects/volume.ts';
import type { VolumeFiles } from './volume-files.ts';
import { GiB } from './volume-size.ts';

/** Takes files of the folder into management, by `{ "source-name": FILE }` (manager.md §10). */
export class FileAdoption {
  readonly #files: VolumeFiles;
  readonly #naming: Naming;

  constructor(files: VolumeFiles, naming: Naming) {
    this.#files = files;
    this.#naming = naming;
  }

  /** Gives the file the name of its row. */
  async takeIn(reference: ExistingReference, name: string): Promise<ModelUpdate> {
    await this.sizeOf(reference, name);
    await this.#files.adopt(sourceName(reference), name);
    return {};
  }

  /** In GiB; also when an earlier run has given the file its name. */
  async sizeOf(reference: ExistingReference, name: string): Promise<number> {
    const source = sourceName(reference);
    const size = (await this.#files.sizeOf(source)) ?? (await this.#files.sizeOf(name));
    if (size === undefined) throw invalid(reference, `there is no file ${source} in ${this.#files.path}`);
    if (size === 0) throw invalid(reference, `file ${source} is empty`);
    return Math.ceil(size / GiB);
  }

  async volumes(known: readonly Volume[]): Promise<readonly ManageableVolume[]> {
    const rows = new Map(known.map((volume) => [this.#naming.volume(volume), volume.id]));
    const files = [...(await this.#files.list())].filter(([name]) => this.#naming.snapshotIdIn(name) === undefined);
    return files.map(([name, size]) => this.#found(name, size, rows.get(name)));
  }

  /** A file does not tell what it was copied from: its source is known only where a row of ours names it. */
  async snapshots(known: readonly Snapshot[]): Promise<readonly ManageableSnapshot[]> {
    const rows = new Map(known.map((snapshot) => [this.#naming.snapshot(snapshot), snapshot]));
    const files = [...(await this.#files.list())].filter(([name]) => this.#naming.snapshotIdIn(name) !== undefined);
    return files.map(([name, size]) => {
      const row = rows.get(name);
      const source =
        row === undefined
          ? {}
          : { 'source-name': this.#naming.volume({ id: row.volume_id, _name_id: row.volume?._name_id ?? null }) };
      return { ...this.#found(name, size, row?.id), source_reference: source };
    });
  }

  #found(name: string, size: number, id: string | undefined): ManageableVolume {
    const reason = id !== undefined ? 'already managed' : size === 0 ? 'empty file' : null;
    return {
      reference: { 'source-name': name },
      size: Math.ceil(size / GiB),
      safe_to_manage: reason === null,
      reason_not_safe: reason,
      cinder_id: id ?? null,
      extra_info: null,
    };
  }
}

function sourceName(reference: ExistingReference): string {
  const name = reference['source-name'];
  if (typeof name !== 'string') throw invalid(reference, 'Reference must contain source-name element.');
  if (!/^[\w:+-][\w.:+-]{0,249}$/.test(name)) throw invalid(reference, 'source-name is no name of a file');
  return name;
}

function invalid(reference: ExistingReference, reason: string): ManageExistingInvalidReference {
  return new ManageExistingInvalidReference({ existing_ref: repr(reference), reason });
}
