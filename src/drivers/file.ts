import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { capacityOptions } from '../interface/capacity-options.ts';
import type { DriverParts } from '../interface/driver-parts.ts';
import { int, str, type ValuesOf } from '../interface/options.ts';
import type { TargetDriver } from '../interface/target-driver.ts';
import type {
  ConnectionInfo,
  Connector,
  ExistingReference,
  LocalFormat,
  ManageableSnapshot,
  ManageableVolume,
  ModelUpdate,
  Progress,
  VolumeDriver,
  VolumeStats,
} from '../interface/volume-driver.ts';
import { InvalidVolume } from '../objects/exceptions.ts';
import { backendOf, nodeOf } from '../objects/host.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import { attachmentsOf, type Volume } from '../objects/volume.ts';
import { connectionsBeside, isAttached, refuseAttached } from './connections.ts';
import { FileAdoption } from './file-adoption.ts';
import { FolderClaim } from './folder-claim.ts';
import { defineDriver, notSetUp } from './module.ts';
import { StorageFolder } from './storage-folder.ts';
import { VolumeFiles } from './volume-files.ts';
import { inGiB, sizeOf } from './volume-size.ts';

const options = {
  ...capacityOptions,
  file_storage_dir: str(undefined, 'Folder that holds the volumes; by default $state_path/<name of the section>'),
  file_capacity_gb: int(0, 'Capacity to report, in GiB; 0 is what the file system has', { min: 0 }),
};

export default defineDriver(options, (parts, values) => new FileDriver(parts, values));

/**
 * Volumes as sparse raw files in one folder (storage.md §3.1). Snapshots and clones share blocks where the file system
 * can, else they are sparse copies; either way they are files of their own that depend on nothing.
 */
class FileDriver implements VolumeDriver {
  readonly name = 'FileDriver';
  readonly version: string;
  readonly #parts: DriverParts;
  readonly #values: ValuesOf<typeof options>;
  readonly #logger: Logger;
  readonly #claim: FolderClaim;
  #opened: VolumeFiles | undefined;
  #exporter: TargetDriver | undefined;
  /** Why the backend was down in the last report. */
  #trouble = '';

  constructor(parts: DriverParts, values: ValuesOf<typeof options>) {
    this.#parts = parts;
    this.#values = values;
    this.#claim = new FolderClaim(parts.coordinator, parts.host);
    this.#logger = parts.logs('cinder.volume.drivers.file');
    this.version = parts.version;
  }

  async doSetup(signal: AbortSignal): Promise<void> {
    const { statePath, host, exec } = this.#parts;
    const folder = await StorageFolder.open(this.#values.file_storage_dir ?? join(statePath, backendOf(host)));
    await this.#claim.take(folder.path);
    const files = await VolumeFiles.open(folder, exec);
    if (this.#claim.held) await files.sweep();
    this.#exporter ??= await this.#parts.openTarget();
    await this.#exporter.check(signal);
    this.#opened = files;
    const copies = files.sharesBlocks ? 'share blocks' : 'are sparse copies';
    const { protocol } = this.#exporter;
    this.#logger.info('Volumes stand in %s; snapshots and clones %s, exports are %s.', folder.path, copies, protocol);
  }

  async getVolumeStats(signal: AbortSignal): Promise<VolumeStats> {
    const name = this.#values.volume_backend_name ?? 'file';
    const capacity = await this.#capacity(signal);
    const { files, provisioned } = this.#opened?.used ?? { files: 0, provisioned: 0 };
    return {
      volume_backend_name: name,
      vendor_name: 'Open Source',
      driver_version: this.version,
      storage_protocol: this.#exporter?.protocol ?? 'iSCSI',
      shared_targets: false,
      sparse_copy_volume: true,
      pools: [
        {
          pool_name: name,
          ...capacity,
          provisioned_capacity_gb: inGiB(provisioned),
          reserved_percentage: this.#values.reserved_percentage,
          max_over_subscription_ratio: this.#values.max_over_subscription_ratio,
          thin_provisioning_support: true,
          thick_provisioning_support: false,
          multiattach: true,
          QoS_support: false,
          total_volumes: files,
          location_info: `FileDriver:${nodeOf(this.#parts.host)}:${this.#opened?.path ?? ''}`,
        },
      ],
    };
  }

  async createVolume(volume: Volume, signal: AbortSignal): Promise<ModelUpdate> {
    await this.#files.create(this.#nameOf(volume), sizeOf(volume), signal);
    return {};
  }

  async createVolumeFromSnapshot(
    volume: Volume,
    snapshot: Snapshot,
    signal: AbortSignal,
    progress: Progress,
  ): Promise<ModelUpdate> {
    const size = sizeOf(volume);
    // The volume may have grown between the request for the snapshot and its making.
    const source = await this.#files.expectBetween(this.#parts.naming.snapshot(snapshot), snapshot.volume_size, size);
    await this.#files.copy(source, this.#nameOf(volume), size, signal, progress);
    return {};
  }

  async createClonedVolume(
    volume: Volume,
    source: Volume,
    signal: AbortSignal,
    progress: Progress,
  ): Promise<ModelUpdate> {
    const size = sizeOf(volume);
    this.#refuseMovingSource(source);
    if (size < source.size) {
      throw new InvalidVolume({
        reason: `volume ${volume.id} of ${size} GiB cannot hold ${source.id} of ${source.size}`,
      });
    }
    await this.#files.copy(await this.#fileOf(source), this.#nameOf(volume), size, signal, progress);
    return {};
  }

  async deleteVolume(volume: Volume): Promise<void> {
    await this.#files.remove(this.#nameOf(volume));
  }

  async extendVolume(volume: Volume, newSize: number, signal: AbortSignal): Promise<void> {
    const name = this.#nameOf(volume);
    await this.#files.grow(name, volume.size, newSize, signal);
    await this.#exports.extendTarget(volume, this.#files.fileOf(name), signal);
  }

  async createSnapshot(
    snapshot: Snapshot,
    volume: Volume,
    signal: AbortSignal,
    progress: Progress,
  ): Promise<ModelUpdate> {
    this.#refuseMovingSource(volume);
    const source = await this.#fileOf(volume);
    await this.#files.copy(source, this.#parts.naming.snapshot(snapshot), volume.size, signal, progress);
    return {};
  }

  async deleteSnapshot(snapshot: Snapshot): Promise<void> {
    await this.#files.remove(this.#parts.naming.snapshot(snapshot));
  }

  async ensureExport(volume: Volume, signal: AbortSignal): Promise<void> {
    await this.#exports.ensureExport(volume, await this.#fileOf(volume), signal);
  }

  async createExport(volume: Volume, _connector: Connector, signal: AbortSignal): Promise<ModelUpdate> {
    return { ...(await this.#exports.createExport(volume, await this.#fileOf(volume), signal)) };
  }

  async removeExport(volume: Volume, signal: AbortSignal): Promise<void> {
    await this.#exports.removeExport(volume, signal);
  }

  validateConnector(connector: Connector): void {
    this.#exports.validateConnector(connector);
  }

  async initializeConnection(volume: Volume, connector: Connector, signal: AbortSignal): Promise<ConnectionInfo> {
    return this.#exports.initializeConnection(volume, await this.#fileOf(volume), connector, signal);
  }

  async terminateConnection(volume: Volume, connector: Connector | undefined, signal: AbortSignal): Promise<boolean> {
    const beside = connectionsBeside(attachmentsOf(volume), connector);
    if (!beside.sameHost) await this.#exports.terminateConnection(volume, connector, signal);
    return beside.anyHost;
  }

  async revertToSnapshot(volume: Volume, snapshot: Snapshot, signal: AbortSignal, progress: Progress): Promise<void> {
    refuseAttached(volume);
    const source = await this.#files.expectBetween(
      this.#parts.naming.snapshot(snapshot),
      snapshot.volume_size,
      volume.size,
    );
    await this.#files.copy(source, this.#nameOf(volume), sizeOf(volume), signal, progress);
  }

  async manageExisting(volume: Volume, existingRef: ExistingReference): Promise<ModelUpdate> {
    return this.#adoption.takeIn(existingRef, this.#nameOf(volume));
  }

  async manageExistingGetSize(volume: Volume, existingRef: ExistingReference): Promise<number> {
    return this.#adoption.sizeOf(existingRef, this.#nameOf(volume));
  }

  async unmanage(): Promise<void> {}

  async getManageableVolumes(known: readonly Volume[]): Promise<readonly ManageableVolume[]> {
    return this.#adoption.volumes(known);
  }

  async manageExistingSnapshot(
    snapshot: Snapshot,
    _volume: Volume,
    existingRef: ExistingReference,
  ): Promise<ModelUpdate> {
    return this.#adoption.takeIn(existingRef, this.#parts.naming.snapshot(snapshot));
  }

  async manageExistingSnapshotGetSize(
    snapshot: Snapshot,
    _volume: Volume,
    existingRef: ExistingReference,
  ): Promise<number> {
    return this.#adoption.sizeOf(existingRef, this.#parts.naming.snapshot(snapshot));
  }

  async unmanageSnapshot(): Promise<void> {}

  async getManageableSnapshots(known: readonly Snapshot[]): Promise<readonly ManageableSnapshot[]> {
    return this.#adoption.snapshots(known);
  }

  async withLocalPath<T>(
    volume: Volume,
    { write }: { readonly write: boolean },
    body: (path: string, format: LocalFormat) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    if (write) refuseAttached(volume);
    const path = await this.#fileOf(volume);
    signal.throwIfAborted();
    return body(path, 'raw');
  }

  async close(): Promise<void> {
    const exporter = this.#exporter;
    this.#exporter = undefined;
    await exporter?.close();
    await this.#claim.release();
  }

  get #files(): VolumeFiles {
    return this.#opened ?? notSetUp();
  }

  get #adoption(): FileAdoption {
    return new FileAdoption(this.#files, this.#parts.naming);
  }

  get #exports(): TargetDriver {
    return this.#exporter ?? notSetUp();
  }

  #nameOf(volume: Volume): string {
    return this.#parts.naming.volume(volume);
  }

  #fileOf(volume: Volume): Promise<string> {
    return this.#files.expect(this.#nameOf(volume), volume.size);
  }

  #refuseMovingSource(volume: Volume): void {
    if (this.#files.sharesBlocks || !isAttached(volume)) return;
    const reason =
      `volume ${volume.id} is attached, and the file system of ${this.#files.path} cannot share blocks: ` +
      'a copy of a volume in use would not be consistent. Detach it first, or use XFS or Btrfs';
    throw new InvalidVolume({ reason });
  }

  async #capacity(signal: AbortSignal) {
    try {
      const files = this.#files;
      await files.check();
      const limit = this.#values.file_capacity_gb;
      if (!this.#claim.held) await this.#claimAgain(files);
      else if (limit > 0) await files.sweep();
      await this.#exports.check(signal);
      const { bsize, blocks, bavail } = await statfs(files.path);
      const [total, free] = [inGiB(blocks * bsize), inGiB(bavail * bsize)];
      this.#tellTrouble('');
      return {
        total_capacity_gb: limit > 0 ? Math.min(limit, total) : total,
        free_capacity_gb: limit > 0 ? Math.min(free, Math.max(0, limit - inGiB(files.used.allocated))) : free,
        backend_state: 'up',
      } as const;
    } catch (error) {
      signal.throwIfAborted();
      this.#tellTrouble(messageOf(error));
      return { total_capacity_gb: 0, free_capacity_gb: 0, backend_state: 'down' } as const;
    }
  }

  /** A predecessor had the folder while it drained; its left-overs are ours when it is gone. */
  async #claimAgain(files: VolumeFiles): Promise<void> {
    await this.#claim.take(files.path);
    if (this.#claim.held) await files.sweep();
  }

  /** Logged when it changes, not with every report. */
  #tellTrouble(reason: string): void {
    if (reason !== '' && reason !== this.#trouble)
      this.#logger.error('Backend %s is down: %s', this.#parts.host, reason);
    if (reason === '' && this.#trouble !== '') this.#logger.info('Backend %s is up again.', this.#parts.host);
    this.#trouble = reason;
  }
}
