import type { Logger } from '../base/log.ts';
import type { DriverParts } from '../interface/driver-parts.ts';
import type { ValuesOf } from '../interface/options.ts';
import type {
  ConnectionInfo,
  Connector,
  ExistingReference,
  LocalFormat,
  ManageableVolume,
  ModelUpdate,
  Progress,
  VolumeDriver,
  VolumeStats,
} from '../interface/volume-driver.ts';
import {
  ExtendVolumeError,
  InvalidSnapshot,
  InvalidVolume,
  NfsException,
  NfsNoSharesMounted,
  VolumeBackendAPIException,
  VolumeDriverException,
  VolumeIsBusy,
} from '../objects/exceptions.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import type { Volume } from '../objects/volume.ts';
import { type AssistedParts, AssistedSnapshots } from './assisted-snapshots.ts';
import { isAttached } from './connections.ts';
import { defineDriver } from './module.ts';
import { type NasSecurity, nasSecurity } from './nas-security.ts';
import { adoptFile, listAdoptable, sizeOfAdoptable } from './nfs-adoption.ts';
import { nameAfterMigration } from './nfs-migration.ts';
import { type MountParts, NfsMounts } from './nfs-mounts.ts';
import { nfsOptions } from './nfs-options.ts';
import { NfsShares } from './nfs-shares.ts';
import { type Image, QemuImg } from './qemu-img.ts';
import { RemoteFiles } from './remote-files.ts';
import { storageFailure } from './storage-failure.ts';
import { VolumeChain } from './volume-chain.ts';

export default defineDriver(nfsOptions, (parts, values) => new NfsDriver(parts, values));

const GiB = 2 ** 30;

/** States of a volume in which no guest may have its files open, or get them to open. */
const offlineStates = ['available', 'backing-up', 'downloading', 'reverting'];

/**
 * Volumes as files on NFS shares, as upstream's driver of that name lays them out (storage.md §3.3): a backend can go from
 * one daemon to the other at any time. Locks bear upstream's names, since a cinder-volume may run beside us.
 */
export class NfsDriver implements VolumeDriver {
  readonly name = 'NfsDriver';
  readonly version = '1.4.0';
  readonly #parts: DriverParts;
  readonly #values: ValuesOf<typeof nfsOptions>;
  readonly #logger: Logger;
  readonly #files: RemoteFiles;
  readonly #qemu: QemuImg;
  readonly #assisted: AssistedSnapshots;
  readonly #mounting: Timing;
  #security: NasSecurity = { filePermissions: false, fileOperations: false };
  #opened: { readonly mounts: NfsMounts; readonly shares: NfsShares } | undefined;

  constructor(parts: DriverParts, values: ValuesOf<typeof nfsOptions>, mounting: Timing = {}) {
    const asRoot = (): boolean => !this.#security.fileOperations;
    this.#parts = parts;
    this.#values = values;
    this.#mounting = mounting;
    this.#logger = parts.logs('cinder.volume.drivers.nfs');
    this.#files = new RemoteFiles(parts.exec, asRoot);
    this.#qemu = new QemuImg(parts.exec, asRoot);
    this.#assisted = new AssistedSnapshots({
      records: parts.records,
      openNova: (signal) => parts.openNova(signal),
      logger: this.#logger,
      ...(mounting.look && { pause: mounting.look }),
    });
  }

  async doSetup(signal: AbortSignal): Promise<void> {
    const { exec, records } = this.#parts;
    const [values, logger, files] = [this.#values, this.#logger, this.#files];
    const limits = {
      reservedPercentage: values.reserved_percentage,
      overSubscription: overSubscription(values.max_over_subscription_ratio),
    };
    const { look: _look, ...mounting } = this.#mounting;
    const mounts = await NfsMounts.open({ exec, logger, values, ...mounting });
    await mounts.shares();
    if ((await exec.find('mount.nfs')) === undefined) throw new NfsException('mount.nfs is not installed');
    const asRoot = (): boolean => !this.#security.fileOperations;
    const shares = new NfsShares({ mounts, exec, files, logger, limits, asRoot });
    const [first] = await shares.mountAll(signal);
    if (first === undefined) throw new NfsNoSharesMounted();
    const isNewInstallation = (): Promise<boolean> => records.isNewInstallation();
    this.#security = await nasSecurity({ exec, files, logger, values, isNewInstallation }, first.folder, signal);
    if (values.nfs_snapshot_support) this.#checkSnapshots();
    this.#opened = { mounts, shares };
  }

  async getVolumeStats(signal: AbortSignal): Promise<VolumeStats> {
    const { total, available, provisioned, mounted } = await this.#shares.total(signal);
    const { nfs_sparsed_volumes: thin, volume_backend_name, reserved_percentage } = this.#values;
    const [capacity, free] = [total / GiB, available / GiB];
    return {
      volume_backend_name: volume_backend_name ?? 'Generic_NFS',
      vendor_name: 'Open Source',
      driver_version: this.version,
      storage_protocol: 'nfs',
      total_capacity_gb: capacity,
      free_capacity_gb: free,
      provisioned_capacity_gb: round(thin ? provisioned / GiB : capacity - free),
      max_over_subscription_ratio: overSubscription(this.#values.max_over_subscription_ratio),
      reserved_percentage,
      thin_provisioning_support: thin,
      thick_provisioning_support: !thin,
      QoS_support: false,
      sparse_copy_volume: true,
      ...(mounted === 0 ? { backend_state: 'down' } : {}),
    };
  }

  async createVolume(volume: Volume, signal: AbortSignal): Promise<ModelUpdate> {
    return this.#locked(volume, `cannot make volume ${volume.id}`, signal, async () => {
      const size = sizeOf(volume);
      const { share, folder } = await this.#placeForNew(volume, signal);
      const format = await this.#make(folder, volume, signal, (image) => this.#fill(image, size, signal));
      return { provider_location: share, admin_metadata: { format } };
    });
  }

  async createVolumeFromSnapshot(
    volume: Volume,
    snapshot: Snapshot,
    signal: AbortSignal,
    progress: Progress,
  ): Promise<ModelUpdate> {
    const source = sourceOf(snapshot);
    const what = `cannot make volume ${volume.id} from snapshot ${snapshot.id}`;
    return this.#locked(source, what, signal, () =>
      this.#locked(volume, what, signal, async () => {
        const image = await (await this.#chainOf(source, signal)).imageOf(snapshot.id, signal);
        const { share, folder } = await this.#placeForNew(volume, signal);
        return this.#copy(image, volume, { share, folder }, signal, progress);
      }),
    );
  }

  /** On the share of its source, as upstream puts it. */
  async createClonedVolume(
    volume: Volume,
    source: Volume,
    signal: AbortSignal,
    progress: Progress,
  ): Promise<ModelUpdate> {
    const what = `cannot clone volume ${source.id} to ${volume.id}`;
    this.#refuseOthers(source, offlineStates, 'source volume');
    return this.#locked(source, what, signal, () =>
      this.#locked(volume, what, signal, async () => {
        const place = await this.#placeOf(source, signal);
        const image = await this.#chainAt(place.folder, source).active(signal);
        await this.#removeRemains(volume, signal);
        return this.#copy(image, volume, place, signal, progress);
      }),
    );
  }

  async deleteVolume(volume: Volume, signal: AbortSignal): Promise<void> {
    await this.#locked(volume, `cannot delete volume ${volume.id}`, signal, async () => {
      for (const { folder } of await this.#placesOf(volume, signal)) {
        const chain = this.#chainAt(folder, volume);
        if ((await chain.snapshots(signal)).length > 0) throw new VolumeIsBusy({ volume_name: this.#nameOf(volume) });
        await this.#files.remove(...(await chain.all(signal)).map((file) => chain.pathOf(file)));
      }
    });
  }

  async extendVolume(volume: Volume, newSize: number, signal: AbortSignal): Promise<void> {
    await this.#locked(volume, `cannot extend volume ${volume.id}`, signal, async () => {
      const place = await this.#placeOf(volume, signal);
      const image = await this.#chainAt(place.folder, volume).active(signal);
      const { virtualSize } = await this.#qemu.info(image, signal);
      if (virtualSize < volume.size * GiB || virtualSize > newSize * GiB) {
        const reason = `${image.path} has ${virtualSize} bytes; expected from ${volume.size} to ${newSize} GiB`;
        throw new ExtendVolumeError({ reason });
      }
      if (virtualSize === newSize * GiB) return;
      if (isAttached(volume)) {
        throw new ExtendVolumeError({ reason: `Cannot extend volume ${volume.id} while it is attached.` });
      }
      if (!(await this.#shares.canGrow(place, newSize - virtualSize / GiB, signal))) {
        throw new ExtendVolumeError({ reason: `Insufficient space to extend volume ${volume.id} to ${newSize}G` });
      }
      await this.#qemu.resize(image, newSize, signal);
    });
  }

  async createSnapshot(snapshot: Snapshot, volume: Volume, signal: AbortSignal): Promise<ModelUpdate> {
    if (!this.#values.nfs_snapshot_support) {
      throw new VolumeDriverException('NFS driver snapshot support is disabled in cinder.conf.');
    }
    this.#checkSnapshots();
    const online = isOnline(volume);
    this.#refuseOthers(volume, online ? ['in-use', 'backing-up'] : offlineStates, 'volume');
    return this.#locked(volume, `cannot make snapshot ${snapshot.id}`, signal, async () => {
      const chain = await this.#chainOf(volume, signal);
      if (online) await this.#assisted.create(chain, this.#nameOf(volume), snapshot, volume, signal);
      else await chain.addSnapshot(snapshot.id, volume.size, signal);
      return {};
    });
  }

  async finishSnapshot(snapshot: Snapshot, volume: Volume, signal: AbortSignal): Promise<ModelUpdate> {
    return this.#locked(volume, `cannot finish snapshot ${snapshot.id}`, signal, async () => {
      await this.#assisted.finish(await this.#chainOf(volume, signal), this.#nameOf(volume), snapshot, volume, signal);
      return {};
    });
  }

  async deleteSnapshot(snapshot: Snapshot, volume: Volume, signal: AbortSignal): Promise<void> {
    await this.#locked(volume, `cannot delete snapshot ${snapshot.id}`, signal, async () => {
      const [place] = await this.#placesOf(volume, signal);
      if (place === undefined) return;
      const chain = this.#chainAt(place.folder, volume);
      if (isOnline(volume)) return this.#assisted.remove(chain, snapshot, volume, signal);
      if ((await chain.info(signal))?.[snapshot.id] !== undefined) {
        this.#refuseOthers(volume, [...offlineStates, 'deleting', ...brokenStates], 'volume');
      }
      await chain.removeSnapshot(snapshot.id, signal);
    });
  }

  /** The file that was put on top for a snapshot holds what is lost, and a snapshot more would only make the chain longer. */
  snapshotRevertUseTempSnapshot(): boolean {
    return false;
  }

  async revertToSnapshot(volume: Volume, snapshot: Snapshot, signal: AbortSignal, progress: Progress): Promise<void> {
    this.#refuseOthers(volume, offlineStates, 'volume');
    await this.#locked(volume, `cannot revert volume ${volume.id} to ${snapshot.id}`, signal, async () => {
      const chain = await this.#chainOf(volume, signal);
      if ((await chain.info(signal))?.[snapshot.id] === undefined) {
        throw new InvalidSnapshot({ reason: `snapshot ${snapshot.id} is not among the files of volume ${volume.id}` });
      }
      await chain.revert(snapshot.id, sizeOf(volume), signal, inBytes(volume, progress));
    });
  }

  async ensureExport(volume: Volume, signal: AbortSignal): Promise<void> {
    await this.#placeOf(volume, signal);
  }

  /** There is nothing to export: hosts mount the share. */
  async createExport(volume: Volume, _connector: Connector, signal: AbortSignal): Promise<ModelUpdate> {
    await this.#attempt(`cannot export volume ${volume.id}`, signal, async () => {
      await (await this.#chainOf(volume, signal)).active(signal);
    });
    return {};
  }

  async removeExport(): Promise<void> {}

  validateConnector(): void {}

  async initializeConnection(volume: Volume, _connector: Connector, signal: AbortSignal): Promise<ConnectionInfo> {
    return this.#attempt(`cannot connect volume ${volume.id}`, signal, async () => {
      const { share, folder } = await this.#placeOf(volume, signal);
      const { path, format } = await this.#chainAt(folder, volume).active(signal);
      const { virtualSize } = await this.#qemu.info({ path, format }, signal);
      if (virtualSize !== volume.size * GiB) {
        this.#logger.error(
          'The volume virtual_size does not match the size in cinder, aborting as we suspect an exploit. Virtual Size ' +
            'is %s and real size is %s',
          virtualSize,
          volume.size,
        );
        const reason = 'The volume virtual_size does not match the size in cinder, aborting as we suspect an exploit.';
        throw new InvalidVolume({ reason });
      }
      const options = this.#shares.optionsOf(share);
      return {
        driver_volume_type: 'nfs',
        data: { export: share, name: baseName(path), ...(options === undefined ? {} : { options }), format },
        mount_point_base: this.#open.mounts.base,
      };
    });
  }

  async terminateConnection(): Promise<boolean> {
    return false;
  }

  async updateMigratedVolume(volume: Volume, newVolume: Volume, status: string, signal: AbortSignal) {
    return this.#locked(volume, `cannot name the file of volume ${volume.id}`, signal, () => {
      const parts = { shares: this.#shares, files: this.#files, nameOf: (row: Whose) => this.#nameOf(row) };
      return nameAfterMigration(parts, volume, newVolume, status, signal);
    });
  }

  async manageExisting(volume: Volume, reference: ExistingReference, signal: AbortSignal): Promise<ModelUpdate> {
    return this.#locked(volume, `cannot manage volume ${volume.id}`, signal, async () =>
      adoptFile(await this.#adoption(signal), reference, this.#nameOf(volume), signal),
    );
  }

  async manageExistingGetSize(volume: Volume, reference: ExistingReference, signal: AbortSignal): Promise<number> {
    return this.#attempt('cannot look at what is to be managed', signal, async () =>
      sizeOfAdoptable(await this.#adoption(signal), reference, this.#nameOf(volume), signal),
    );
  }

  async unmanage(): Promise<void> {}

  async getManageableVolumes(known: readonly Volume[], signal: AbortSignal): Promise<readonly ManageableVolume[]> {
    return this.#attempt('cannot list what could be managed', signal, async () =>
      listAdoptable(await this.#adoption(signal), known, signal),
    );
  }

  async withLocalPath<T>(
    volume: Volume,
    { write }: { readonly write: boolean },
    body: (path: string, format: LocalFormat) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    if (write && isAttached(volume)) throw new InvalidVolume({ reason: `volume ${volume.id} is attached` });
    return this.#parts.coordinator.withLock(
      lockOf(volume),
      async () => {
        const { path, format } = await this.#attempt(`cannot open volume ${volume.id}`, signal, async () =>
          (await this.#chainOf(volume, signal)).active(signal),
        );
        return body(path, format);
      },
      signal,
    );
  }

  async close(): Promise<void> {}

  /** A new file with the data of an image, grown to the size of its volume. */
  async #copy(
    source: Image,
    volume: Volume,
    { share, folder }: { readonly share: string; readonly folder: string },
    signal: AbortSignal,
    progress: Progress,
  ): Promise<ModelUpdate> {
    const size = sizeOf(volume);
    const { virtualSize } = await this.#qemu.info(source, signal);
    if (virtualSize > size * GiB) {
      const reason = `volume ${volume.id} of ${size} GiB cannot hold ${virtualSize} bytes`;
      throw new InvalidVolume({ reason });
    }
    const format = await this.#make(folder, volume, signal, async (image) => {
      await this.#qemu.convert(source, image, signal, inBytes(volume, progress));
      if (virtualSize < size * GiB) await this.#qemu.resize(image, size, signal);
    });
    return { provider_location: share, admin_metadata: { format } };
  }

  /** Makes the file of a volume; when that fails there is none. */
  async #make(
    folder: string,
    volume: Volume,
    signal: AbortSignal,
    fill: (image: Image) => Promise<void>,
  ): Promise<LocalFormat> {
    if (volume.encryption_key_id !== null) {
      throw new VolumeDriverException('Encrypted volumes on NFS are not supported by this release of volume-daemon.');
    }
    const format = this.#values.nfs_qcow2_volumes ? 'qcow2' : 'raw';
    const path = this.#chainAt(folder, volume).pathOf(this.#nameOf(volume));
    try {
      await fill({ path, format });
      await this.#files.chmod(path, this.#permissions, signal);
      signal.throwIfAborted();
    } catch (error) {
      await this.#files.remove(path);
      throw error;
    }
    return format;
  }

  async #fill({ path, format }: Image, size: number, signal: AbortSignal): Promise<void> {
    if (format === 'qcow2') await this.#qemu.create(path, size, signal);
    else if (this.#values.nfs_sparsed_volumes) await this.#files.createSparse(path, size, signal);
    else await this.#files.createFull(path, size, signal);
  }

  /** The share for a volume that is not there yet. What an earlier run left under its name goes (S-12, S-16). */
  async #placeForNew(volume: Volume, signal: AbortSignal) {
    await this.#removeRemains(volume, signal);
    return this.#shares.choose(sizeOf(volume), signal);
  }

  async #removeRemains(volume: Volume, signal: AbortSignal): Promise<void> {
    for (const { folder } of await this.#shares.withFile(this.#nameOf(volume), signal)) {
      const chain = this.#chainAt(folder, volume);
      await this.#files.remove(...(await chain.all(signal)).map((file) => chain.pathOf(file)));
    }
  }

  /** Where the files of a volume stand: its row tells, unless it was not yet written. */
  async #placesOf(volume: Whose, signal: AbortSignal) {
    if (volume.provider_location) return [await this.#shares.mounted(volume.provider_location, signal)];
    return this.#shares.withFile(this.#nameOf(volume), signal);
  }

  async #placeOf(volume: Whose, signal: AbortSignal) {
    const [place] = await this.#placesOf(volume, signal);
    if (place !== undefined) return place;
    throw new VolumeBackendAPIException({ data: `there is no file ${this.#nameOf(volume)} on the shares` });
  }

  async #chainOf(volume: Whose, signal: AbortSignal): Promise<VolumeChain> {
    return this.#chainAt((await this.#placeOf(volume, signal)).folder, volume);
  }

  #chainAt(folder: string, volume: Whose): VolumeChain {
    return new VolumeChain({
      files: this.#files,
      qemu: this.#qemu,
      folder,
      name: this.#nameOf(volume),
      format: volume.admin_metadata?.['format'],
      permissions: this.#permissions,
      keepOwner: this.#security.fileOperations,
    });
  }

  async #adoption(signal: AbortSignal) {
    const { naming } = this.#parts;
    const shares = await this.#shares.mountAll(signal);
    return { shares, files: this.#files, qemu: this.#qemu, naming, permissions: this.#permissions };
  }

  get #open() {
    if (this.#opened === undefined) throw new Error('the driver has not been set up');
    return this.#opened;
  }

  get #shares(): NfsShares {
    return this.#open.shares;
  }

  get #permissions(): string {
    return this.#security.filePermissions ? '660' : 'ugo+rw';
  }

  #nameOf(volume: Whose): string {
    return this.#parts.naming.volume({ id: volume.id, _name_id: volume._name_id ?? null });
  }

  #checkSnapshots(): void {
    if (!this.#security.fileOperations) return;
    throw new VolumeDriverException(
      "Snapshots are not supported with nas_secure_file_operations enabled ('true' or 'auto'). Please set it to " +
        "'false' if you intend to  have it enabled.",
    );
  }

  #refuseOthers(volume: Volume, states: readonly string[], what: string): void {
    if (states.includes(volume.status) && (states.includes('in-use') || !isAttached(volume))) return;
    const reason =
      `Invalid ${what} state. Acceptable states for this operation: ${states.join(', ')}. Current ${what} state: ` +
      `${volume.status}${isAttached(volume) ? ', attached' : ''}.`;
    throw new InvalidVolume({ reason });
  }

  /** Under the lock that upstream's driver takes for the same. */
  #locked<T>(volume: { readonly id: string }, what: string, signal: AbortSignal, body: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    return this.#parts.coordinator.withLock(lockOf(volume), () => this.#attempt(what, signal, body), signal);
  }

  async #attempt<T>(what: string, signal: AbortSignal, body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (error) {
      throw storageFailure(error, what, signal);
    }
  }
}

/** What tests have in place of the kernel's table of mounts and of long pauses. */
type Timing = Pick<MountParts, 'mounted' | 'pause'> & { readonly look?: NonNullable<AssistedParts['pause']> };

/** As much of a volume as its files need. */
type Whose = { readonly id: string } & Partial<Pick<Volume, '_name_id' | 'provider_location' | 'admin_metadata'>>;

/** States in which nobody works on a volume, and nobody gets it. */
const brokenStates = ['error', 'error_deleting', 'error_extending', 'error_restoring', 'maintenance', 'retyping'];

function lockOf({ id }: { readonly id: string }): string {
  return `nfs-${id}`;
}

function sourceOf({ volume, volume_id }: Snapshot): Whose {
  return volume == null ? { id: volume_id } : { ...volume, id: volume_id };
}

/** A guest has the files open: they are changed through Nova only. */
function isOnline({ attach_status }: Volume): boolean {
  return attach_status === 'attached';
}

function overSubscription(text: string): number {
  const ratio = Number(text);
  if (ratio >= 1) return ratio;
  throw new VolumeDriverException(
    text === 'auto'
      ? 'This driver does not support automatic (auto) max_over_subscription_ratio calculation. Please use a valid float value.'
      : `max_over_subscription_ratio must be a number from 1 on, not '${text}'`,
  );
}

function sizeOf(volume: Volume): number {
  if (volume.size > 0 && Number.isSafeInteger(volume.size)) return volume.size;
  throw new InvalidVolume({ reason: `size of volume ${volume.id} is ${volume.size}; expected a number of GiB` });
}

function inBytes(volume: Volume, progress: Progress): Progress {
  return (done, total) => progress((done / total) * volume.size * GiB, volume.size * GiB);
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function round(gib: number): number {
  return Math.round(gib * 100) / 100;
}
