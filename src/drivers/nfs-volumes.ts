import type { Coordinator } from '../interface/coordinator.ts';
import type { Naming } from '../interface/naming.ts';
import { VolumeBackendAPIException } from '../objects/exceptions.ts';
import type { Volume } from '../objects/volume.ts';
import type { MountedShare, NfsShares } from './nfs-shares.ts';
import type { QemuImg } from './qemu-img.ts';
import type { RemoteFiles } from './remote-files.ts';
import { attempt } from './storage-failure.ts';
import { VolumeChain } from './volume-chain.ts';

export interface NfsVolumesParts {
  readonly shares: NfsShares;
  readonly files: RemoteFiles;
  readonly qemu: QemuImg;
  readonly naming: Naming;
  readonly coordinator: Coordinator;
  /** Mode of new files, as chmod takes it. */
  readonly permissions: string;
  /** New files belong to whom the old ones belong. */
  readonly keepOwner: boolean;
}

/** As much of a volume as its files need. */
export type Whose = { readonly id: string } & Partial<
  Pick<Volume, '_name_id' | 'provider_location' | 'admin_metadata'>
>;

/** The volumes on the shares: the name of each, its lock, and where its files stand. */
export class NfsVolumes {
  readonly #parts: NfsVolumesParts;

  constructor(parts: NfsVolumesParts) {
    this.#parts = parts;
  }

  nameOf({ id, _name_id }: Whose): string {
    return this.#parts.naming.volume({ id, _name_id: _name_id ?? null });
  }

  /** Under the lock that upstream's driver takes for the same: a cinder-volume may run beside us. */
  withLock<T>({ id }: { readonly id: string }, body: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return this.#parts.coordinator.withLock(`nfs-${id}`, body, signal);
  }

  /** Has the lock while `body` runs; a failure of the storage says what could not be done. */
  async locked<T>(
    volume: { readonly id: string },
    what: string,
    signal: AbortSignal,
    body: () => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted();
    return this.withLock(volume, () => attempt(what, body, signal), signal);
  }

  /** Where the files of a volume stand: its row tells, unless it was not yet written. */
  async placesOf(volume: Whose, signal: AbortSignal): Promise<readonly MountedShare[]> {
    const { shares } = this.#parts;
    if (volume.provider_location) return [await shares.mounted(volume.provider_location, signal)];
    return shares.withFile(this.nameOf(volume), signal);
  }

  /** The same for a volume that must be there; throws VolumeBackendAPIException when it is not. */
  async placeOf(volume: Whose, signal: AbortSignal): Promise<MountedShare> {
    const [place] = await this.placesOf(volume, signal);
    if (place !== undefined) return place;
    throw new VolumeBackendAPIException({ data: `there is no file ${this.nameOf(volume)} on the shares` });
  }

  async chainOf(volume: Whose, signal: AbortSignal): Promise<VolumeChain> {
    return this.chainAt(await this.placeOf(volume, signal), volume);
  }

  chainAt({ folder }: MountedShare, volume: Whose): VolumeChain {
    const { files, qemu, permissions, keepOwner } = this.#parts;
    const format = volume.admin_metadata?.['format'];
    return new VolumeChain({ files, qemu, folder, name: this.nameOf(volume), format, permissions, keepOwner });
  }
}
