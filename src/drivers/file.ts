import { join } from 'node:path';
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
import { backendOf } from '../objects/host.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import { attachmentsOf, type Volume } from '../objects/volume.ts';
import { connectionsBeside, isAttached, refuseAttached } from './connections.ts';
import { FileAdoption } from './file-adoption.ts';
import { FileStats } from './file-stats.ts';
import { FolderClaim } from './folder-claim.ts';
import { defineDriver, notSetUp } from './module.ts';
import { StorageFolder } from './storage-folder.ts';
import { VolumeFiles } from './volume-files.ts';
import { sizeOf } from './volume-size.ts';

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
  readonly #stats: FileStats;
  #opened: VolumeFiles | undefined;
  #exporter: TargetDriver | undefined;

  constructor(parts: DriverParts, values: ValuesOf<typeof options>) {
    const { host, version, coordinator, logs } = parts;
    this.#parts = parts;
    this.#values = values;
    this.version = version;
    this.#claim = new FolderClaim(coordinator, host);
    this.#logger = logs('cinder.volume.drivers.file');
    this.#stats = new FileStats({ host, version, values, claim: this.#claim, logger: this.#logger });
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
    return this.#stats.report(this.#opened, this.#exporter, signal);
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
}
