import type { DriverParts } from '../interface/driver-parts.ts';
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
import type { Snapshot } from '../objects/snapshot.ts';
import type { Volume } from '../objects/volume.ts';
import { defineDriver, notSetUp } from './module.ts';
import { checkExport, connect, withLocalPath } from './nfs-access.ts';
import { type AdoptionParts, adoptFile, listAdoptable, sizeOfAdoptable } from './nfs-adoption.ts';
import { createClonedVolume, createVolume, createVolumeFromSnapshot } from './nfs-create.ts';
import { deleteVolume } from './nfs-delete.ts';
import { extendVolume } from './nfs-extend.ts';
import { nameAfterMigration } from './nfs-migration.ts';
import { nfsOptions } from './nfs-options.ts';
import { type NfsBackend, type NfsValues, openNfs, type Timing } from './nfs-setup.ts';
import { createSnapshot, deleteSnapshot, finishSnapshot, revertToSnapshot } from './nfs-snapshots.ts';
import { nfsStats } from './nfs-stats.ts';
import type { Whose } from './nfs-volumes.ts';
import { attempt } from './storage-failure.ts';

export default defineDriver(nfsOptions, (parts, values) => new NfsDriver(parts, values));

/**
 * Volumes as files on NFS shares, as upstream's driver of that name lays them out (storage.md §3.3): a backend can go from
 * one daemon to the other at any time. Locks bear upstream's names, since a cinder-volume may run beside us.
 */
export class NfsDriver implements VolumeDriver {
  readonly name = 'NfsDriver';
  readonly version = '1.4.0';
  readonly #open: (signal: AbortSignal) => Promise<NfsBackend>;
  #opened: NfsBackend | undefined;

  constructor(parts: DriverParts, values: NfsValues, timing: Timing = {}) {
    this.#open = (signal) => openNfs(parts, values, timing, signal);
  }

  async doSetup(signal: AbortSignal): Promise<void> {
    this.#opened = await this.#open(signal);
  }

  async getVolumeStats(signal: AbortSignal): Promise<VolumeStats> {
    return nfsStats(this.#nfs, this.version, signal);
  }

  async createVolume(volume: Volume, signal: AbortSignal): Promise<ModelUpdate> {
    return createVolume(this.#nfs, volume, signal);
  }

  async createVolumeFromSnapshot(
    volume: Volume,
    snapshot: Snapshot,
    signal: AbortSignal,
    progress: Progress,
  ): Promise<ModelUpdate> {
    return createVolumeFromSnapshot(this.#nfs, volume, snapshot, signal, progress);
  }

  async createClonedVolume(
    volume: Volume,
    source: Volume,
    signal: AbortSignal,
    progress: Progress,
  ): Promise<ModelUpdate> {
    return createClonedVolume(this.#nfs, volume, source, signal, progress);
  }

  async deleteVolume(volume: Volume, signal: AbortSignal): Promise<void> {
    await deleteVolume(this.#nfs, volume, signal);
  }

  async extendVolume(volume: Volume, newSize: number, signal: AbortSignal): Promise<void> {
    await extendVolume(this.#nfs, volume, newSize, signal);
  }

  async createSnapshot(snapshot: Snapshot, volume: Volume, signal: AbortSignal): Promise<ModelUpdate> {
    return createSnapshot(this.#nfs, snapshot, volume, signal);
  }

  async finishSnapshot(snapshot: Snapshot, volume: Volume, signal: AbortSignal): Promise<ModelUpdate> {
    return finishSnapshot(this.#nfs, snapshot, volume, signal);
  }

  async deleteSnapshot(snapshot: Snapshot, volume: Volume, signal: AbortSignal): Promise<void> {
    await deleteSnapshot(this.#nfs, snapshot, volume, signal);
  }

  /** The file that was put on top for a snapshot holds what is lost, and a snapshot more would only make the chain longer. */
  snapshotRevertUseTempSnapshot(): boolean {
    return false;
  }

  async revertToSnapshot(volume: Volume, snapshot: Snapshot, signal: AbortSignal, progress: Progress): Promise<void> {
    await revertToSnapshot(this.#nfs, volume, snapshot, signal, progress);
  }

  async ensureExport(volume: Volume, signal: AbortSignal): Promise<void> {
    await this.#nfs.volumes.placeOf(volume, signal);
  }

  async createExport(volume: Volume, _connector: Connector, signal: AbortSignal): Promise<ModelUpdate> {
    await checkExport(this.#nfs, volume, signal);
    return {};
  }

  async removeExport(): Promise<void> {}

  validateConnector(): void {}

  async initializeConnection(volume: Volume, _connector: Connector, signal: AbortSignal): Promise<ConnectionInfo> {
    return connect(this.#nfs, volume, signal);
  }

  async terminateConnection(): Promise<boolean> {
    return false;
  }

  async updateMigratedVolume(volume: Volume, newVolume: Volume, status: string, signal: AbortSignal) {
    const { shares, files, volumes } = this.#nfs;
    const parts = { shares, files, nameOf: (row: Whose) => volumes.nameOf(row) };
    return volumes.locked(volume, `cannot name the file of volume ${volume.id}`, signal, () =>
      nameAfterMigration(parts, volume, newVolume, status, signal),
    );
  }

  async manageExisting(volume: Volume, reference: ExistingReference, signal: AbortSignal): Promise<ModelUpdate> {
    const { volumes } = this.#nfs;
    return volumes.locked(volume, `cannot manage volume ${volume.id}`, signal, async () =>
      adoptFile(await this.#adoption(signal), reference, volumes.nameOf(volume), signal),
    );
  }

  async manageExistingGetSize(volume: Volume, reference: ExistingReference, signal: AbortSignal): Promise<number> {
    const look = async (): Promise<number> =>
      sizeOfAdoptable(await this.#adoption(signal), reference, this.#nfs.volumes.nameOf(volume), signal);
    return attempt('cannot look at what is to be managed', look, signal);
  }

  async unmanage(): Promise<void> {}

  async getManageableVolumes(known: readonly Volume[], signal: AbortSignal): Promise<readonly ManageableVolume[]> {
    const list = async () => listAdoptable(await this.#adoption(signal), known, signal);
    return attempt('cannot list what could be managed', list, signal);
  }

  async withLocalPath<T>(
    volume: Volume,
    access: { readonly write: boolean },
    body: (path: string, format: LocalFormat) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    return withLocalPath(this.#nfs, volume, access, body, signal);
  }

  async close(): Promise<void> {}

  get #nfs(): NfsBackend {
    return this.#opened ?? notSetUp();
  }

  async #adoption(signal: AbortSignal): Promise<AdoptionParts> {
    return { ...this.#nfs, shares: await this.#nfs.shares.mountAll(signal) };
  }
}
