import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { HeldLock } from '../interface/coordinator.ts';
import type { DriverParts } from '../interface/driver-parts.ts';
import { int, str, type ValuesOf } from '../interface/options.ts';
import type { TargetDriver } from '../interface/target-driver.ts';
import type {
  ConnectionInfo,
  Connector,
  ModelUpdate,
  Progress,
  VolumeDriver,
  VolumeStats,
} from '../interface/volume-driver.ts';
import { ExtendVolumeError, InvalidVolume, VolumeBackendAPIException } from '../objects/exceptions.ts';
import { backendOf, nodeOf } from '../objects/host.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import { attachmentsOf, type Volume } from '../objects/volume.ts';
import { capacityOptions } from './capacity-options.ts';
import { connectionsBeside, isAttached } from './connections.ts';
import { defineDriver } from './module.ts';
import { reflink, sparseCopy } from './sparse-copy.ts';
import { storageFailure } from './storage-failure.ts';
import { type Fill, StorageFolder } from './storage-folder.ts';

const options = {
  ...capacityOptions,
  file_storage_dir: str(undefined, 'Folder that holds the volumes; by default $state_path/<name of the section>'),
  file_capacity_gb: int(0, 'Capacity to report, in GiB; 0 is what the file system has', { min: 0 }),
};

const GiB = 2 ** 30;

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
  #folder: StorageFolder | undefined;
  #target: TargetDriver | undefined;
  #lock: HeldLock | undefined;
  #sharesBlocks = false;
  #used = { files: 0, provisioned: 0, allocated: 0 };
  #trouble = '';

  constructor(parts: DriverParts, values: ValuesOf<typeof options>) {
    this.#parts = parts;
    this.#values = values;
    this.#logger = parts.logs('cinder.volume.drivers.file');
    this.version = parts.version;
  }

  async doSetup(signal: AbortSignal): Promise<void> {
    const { statePath, host } = this.#parts;
    this.#folder = await StorageFolder.open(this.#values.file_storage_dir ?? join(statePath, backendOf(host)));
    await this.#lockFolder(this.#folder);
    this.#sharesBlocks = await this.#folder.sharesBlocks();
    this.#target ??= await this.#parts.openTarget();
    await this.#target.check(signal);
    const how = this.#sharesBlocks ? 'share blocks' : 'are sparse copies';
    const { path } = this.#folder;
    this.#logger.info(
      'Volumes are kept in %s; snapshots and clones %s, exports are %s.',
      path,
      how,
      this.#target.protocol,
    );
  }

  async getVolumeStats(signal: AbortSignal): Promise<VolumeStats> {
    const name = this.#values.volume_backend_name ?? 'file';
    const capacity = await this.#capacity(signal);
    return {
      volume_backend_name: name,
      vendor_name: 'Open Source',
      driver_version: this.version,
      storage_protocol: this.#target?.protocol ?? 'iSCSI',
      shared_targets: false,
      sparse_copy_volume: true,
      pools: [
        {
          pool_name: name,
          ...capacity,
          provisioned_capacity_gb: rounded(this.#used.provisioned / GiB),
          reserved_percentage: this.#values.reserved_percentage,
          max_over_subscription_ratio: this.#values.max_over_subscription_ratio,
          thin_provisioning_support: true,
          thick_provisioning_support: false,
          multiattach: true,
          QoS_support: false,
          total_volumes: this.#used.files,
          location_info: `FileDriver:${nodeOf(this.#parts.host)}:${this.#folder?.path ?? ''}`,
        },
      ],
    };
  }

  async createVolume(volume: Volume, signal: AbortSignal): Promise<ModelUpdate> {
    const size = bytesOf(volume);
    await this.#make(this.#parts.naming.volume(volume), size, signal, (_draft, handle) => handle.truncate(size));
    return {};
  }

  async createVolumeFromSnapshot(
    volume: Volume,
    snapshot: Snapshot,
    signal: AbortSignal,
    progress: Progress,
  ): Promise<ModelUpdate> {
    const source = await this.#expect(this.#parts.naming.snapshot(snapshot), snapshot.volume_size);
    await this.#copy(source, this.#parts.naming.volume(volume), bytesOf(volume), signal, progress);
    return {};
  }

  async createClonedVolume(
    volume: Volume,
    source: Volume,
    signal: AbortSignal,
    progress: Progress,
  ): Promise<ModelUpdate> {
    this.#refuseMovingSource(source);
    const file = await this.#expect(this.#parts.naming.volume(source), source.size);
    await this.#copy(file, this.#parts.naming.volume(volume), bytesOf(volume), signal, progress);
    return {};
  }

  async deleteVolume(volume: Volume): Promise<void> {
    await this.#remove(this.#parts.naming.volume(volume));
  }

  async extendVolume(volume: Volume, newSize: number, signal: AbortSignal): Promise<void> {
    const name = this.#parts.naming.volume(volume);
    const wanted = newSize * GiB;
    const size = await this.#sizeOf(name);
    // Between the two sizes it was left by an extension that did not come to its end.
    if (size === undefined || size < volume.size * GiB || size > wanted || size % GiB !== 0) {
      const found = size === undefined ? 'is not there' : `has ${size} bytes`;
      const reason = `${this.#place.fileOf(name)} ${found}; expected ${volume.size} GiB, to grow to ${newSize}`;
      throw new ExtendVolumeError({ reason });
    }
    if (size < wanted) {
      signal.throwIfAborted();
      await this.#place
        .change(name, (handle) => handle.truncate(wanted))
        .catch((error: unknown) => {
          throw storageFailure(error, `volume ${name} cannot grow to ${newSize} GiB`, signal);
        });
      this.#count(0, wanted - size);
    }
    await this.#exporter.extendTarget(volume, this.#place.fileOf(name), signal);
  }

  async createSnapshot(
    snapshot: Snapshot,
    volume: Volume,
    signal: AbortSignal,
    progress: Progress,
  ): Promise<ModelUpdate> {
    this.#refuseMovingSource(volume);
    const source = await this.#expect(this.#parts.naming.volume(volume), volume.size);
    const name = this.#parts.naming.snapshot(snapshot);
    await this.#copy(source, name, snapshot.volume_size * GiB, signal, progress);
    return {};
  }

  async deleteSnapshot(snapshot: Snapshot): Promise<void> {
    await this.#remove(this.#parts.naming.snapshot(snapshot));
  }

  async ensureExport(volume: Volume, signal: AbortSignal): Promise<void> {
    await this.#exporter.ensureExport(volume, await this.#fileOf(volume), signal);
  }

  async createExport(volume: Volume, _connector: Connector, signal: AbortSignal): Promise<ModelUpdate> {
    return { ...(await this.#exporter.createExport(volume, await this.#fileOf(volume), signal)) };
  }

  async removeExport(volume: Volume, signal: AbortSignal): Promise<void> {
    await this.#exporter.removeExport(volume, signal);
  }

  validateConnector(connector: Connector): void {
    this.#exporter.validateConnector(connector);
  }

  async initializeConnection(volume: Volume, connector: Connector, signal: AbortSignal): Promise<ConnectionInfo> {
    return this.#exporter.initializeConnection(volume, await this.#fileOf(volume), connector, signal);
  }

  async terminateConnection(volume: Volume, connector: Connector | undefined, signal: AbortSignal): Promise<boolean> {
    const beside = connectionsBeside(attachmentsOf(volume), connector);
    if (!beside.sameHost) await this.#exporter.terminateConnection(volume, connector, signal);
    return beside.anyHost;
  }

  async close(): Promise<void> {
    await this.#target?.close();
    await this.#lock?.release();
    this.#lock = undefined;
  }

  get #place(): StorageFolder {
    if (this.#folder === undefined) throw new Error('doSetup() has not succeeded');
    return this.#folder;
  }

  get #exporter(): TargetDriver {
    if (this.#target === undefined) throw new Error('doSetup() has not succeeded');
    return this.#target;
  }

  /**
   * Two backends in one folder would take each other's files for their own (S-31). A predecessor under our own name that
   * drains may go on; the lock is asked for again with each report, and the left-overs are looked for when it is ours.
   */
  async #lockFolder(folder: StorageFolder): Promise<void> {
    const { host, coordinator } = this.#parts;
    if (this.#lock === undefined) {
      const lock = await coordinator.tryLock(join(folder.path, '.volume-daemon.lock'));
      if (lock.held) {
        this.#lock = lock;
        await lock.write(host);
      } else if (lock.note !== host) {
        const holder = `${lock.note || 'another backend'} (process ${lock.pid ?? 'unknown'})`;
        throw new Error(
          `${host} cannot use ${folder.path}: it is in use by ${holder}; every backend needs its own folder`,
        );
      }
    }
    if (this.#lock !== undefined) this.#used = await folder.sweep();
  }

  async #capacity(signal: AbortSignal) {
    try {
      const folder = this.#place;
      await folder.check();
      const limit = this.#values.file_capacity_gb * GiB;
      if (this.#lock === undefined) await this.#lockFolder(folder);
      else if (limit > 0) this.#used = await folder.sweep();
      await this.#exporter.check(signal);
      const { bsize, blocks, bavail } = await statfs(folder.path);
      const total = limit > 0 ? Math.min(limit, blocks * bsize) : blocks * bsize;
      const free = limit > 0 ? Math.min(bavail * bsize, Math.max(0, limit - this.#used.allocated)) : bavail * bsize;
      this.#tellTrouble('');
      return {
        total_capacity_gb: rounded(total / GiB),
        free_capacity_gb: rounded(free / GiB),
        backend_state: 'up',
      } as const;
    } catch (error) {
      signal.throwIfAborted();
      this.#tellTrouble(messageOf(error));
      return { total_capacity_gb: 0, free_capacity_gb: 0, backend_state: 'down' } as const;
    }
  }

  /** Logs why the backend is down when that changes, not with every report. */
  #tellTrouble(reason: string): void {
    if (reason !== '' && reason !== this.#trouble)
      this.#logger.error('Backend %s is down: %s', this.#parts.host, reason);
    if (reason === '' && this.#trouble !== '') this.#logger.info('Backend %s is up again.', this.#parts.host);
    this.#trouble = reason;
  }

  #count(files: number, bytes: number): void {
    const { allocated } = this.#used;
    this.#used = { files: this.#used.files + files, provisioned: this.#used.provisioned + bytes, allocated };
  }

  async #sizeOf(name: string): Promise<number | undefined> {
    return this.#place.sizeOf(name).catch((error: unknown) => {
      throw storageFailure(error, `cannot look at ${name}`);
    });
  }

  /** The file behind a volume; an error names it when it is missing or of another size than its row says. */
  async #expect(name: string, gib: number): Promise<string> {
    const size = await this.#sizeOf(name);
    const file = this.#place.fileOf(name);
    if (size === gib * GiB) return file;
    const found = size === undefined ? 'is not there' : `has ${size} bytes`;
    throw new VolumeBackendAPIException({ data: `${file} ${found}; expected ${gib * GiB} (${gib} GiB)` });
  }

  #fileOf(volume: Volume): Promise<string> {
    return this.#expect(this.#parts.naming.volume(volume), volume.size);
  }

  #refuseMovingSource(volume: Volume): void {
    if (this.#sharesBlocks || !isAttached(volume)) return;
    const reason =
      `volume ${volume.id} is attached, and the file system of ${this.#place.path} cannot share blocks: ` +
      'a copy of a volume in use would not be consistent. Detach it first, or use XFS or Btrfs';
    throw new InvalidVolume({ reason });
  }

  async #copy(source: string, name: string, size: number, signal: AbortSignal, progress: Progress): Promise<void> {
    await this.#make(name, size, signal, async (draft, handle) => {
      if (this.#sharesBlocks) {
        await reflink(source, draft);
        progress(size, size);
      } else {
        await sparseCopy(this.#parts.exec, source, draft, { signal, progress });
      }
      const { size: copied } = await handle.stat();
      if (copied > size) throw new Error(`${source} has ${copied} bytes, more than the copy may have (${size})`);
      await handle.truncate(size);
    });
  }

  async #make(name: string, size: number, signal: AbortSignal, fill: Fill): Promise<void> {
    try {
      const before = await this.#place.sizeOf(name);
      await this.#place.write(name, signal, fill);
      this.#count(before === undefined ? 1 : 0, size - (before ?? 0));
    } catch (error) {
      throw storageFailure(error, `cannot make ${name} of ${size / GiB} GiB`, signal);
    }
  }

  async #remove(name: string): Promise<void> {
    const size = await this.#sizeOf(name);
    if (size === undefined) return;
    try {
      await this.#place.remove(name);
    } catch (error) {
      throw storageFailure(error, `cannot remove ${name}`);
    }
    this.#count(-1, -size);
  }
}

function bytesOf(volume: Volume): number {
  if (volume.size > 0 && Number.isSafeInteger(volume.size) && Number.isSafeInteger(volume.size * GiB)) {
    return volume.size * GiB;
  }
  throw new InvalidVolume({ reason: `size of volume ${volume.id} is ${volume.size}; expected a number of GiB from 1` });
}

function rounded(gib: number): number {
  return Math.round(gib * 100) / 100;
}
