import type { Snapshot } from '../objects/snapshot.ts';
import type { Volume } from '../objects/volume.ts';
import type { Image } from './image-service.ts';

/** Columns that a driver wants written to the row of the volume or snapshot it worked on (storage.md §2.1). */
export interface ModelUpdate {
  readonly provider_id?: string | null;
  readonly provider_location?: string | null;
  readonly provider_auth?: string | null;
  readonly provider_geometry?: string | null;
  readonly replication_status?: string | null;
  readonly replication_driver_data?: string | null;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Of a volume only: added to its admin metadata. */
  readonly admin_metadata?: Readonly<Record<string, string>>;
}

/** What a host says of itself when it wants a volume: os-brick's connector properties (rpc.md §4.3). */
export type Connector = Readonly<Record<string, unknown>>;

/** How a host reaches a volume; `data` depends on the type (storage.md §2.3). */
export interface ConnectionInfo {
  readonly driver_volume_type: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Where hosts and we mount shares. */
  readonly mount_point_base?: string;
}

/** A driver as tables show it: `LVM` for `cinder.volume.drivers.lvm.LVMVolumeDriver`. */
export function driverWord(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1).replace(/(?<=.)(Volume)?Driver$/, '');
}

/** One pool of a report, with the key names that the scheduler reads (scheduler-stats.md §3.2). Capacities in GiB. */
export interface PoolStats {
  readonly pool_name: string;
  readonly total_capacity_gb: number | 'infinite' | 'unknown';
  readonly free_capacity_gb: number | 'infinite' | 'unknown';
  readonly provisioned_capacity_gb?: number;
  readonly reserved_percentage?: number;
  readonly max_over_subscription_ratio?: string;
  readonly thin_provisioning_support?: boolean;
  readonly thick_provisioning_support?: boolean;
  readonly multiattach?: boolean;
  readonly QoS_support?: boolean;
  readonly backend_state?: 'up' | 'down';
  readonly [capability: string]: unknown;
}

/** What a backend can do (scheduler-stats.md §3.1). Without `pools` the capacity keys stand at this level. */
export interface VolumeStats {
  readonly volume_backend_name: string;
  readonly vendor_name: string;
  readonly driver_version: string;
  readonly storage_protocol: string;
  readonly pools?: readonly PoolStats[];
  readonly shared_targets?: boolean;
  readonly sparse_copy_volume?: boolean;
  readonly replication_enabled?: boolean;
  readonly [capability: string]: unknown;
}

/** Tells how far a long operation has come, in bytes; called as often as the driver likes. */
export type Progress = (done: number, total: number) => void;

/** Which thing of a backend an operator means: `{ "source-name": … }`, `{ "source-id": … }`, or what the driver defines. */
export type ExistingReference = Readonly<Record<string, unknown>>;

/** Something on the backend that may be taken into management, with the field names of the wire (rpc.md §6.3). */
export interface ManageableVolume {
  readonly reference: ExistingReference;
  /** GiB, rounded up. */
  readonly size: number;
  readonly safe_to_manage: boolean;
  /** Null exactly where it is safe; `already managed` for what a row of ours names. */
  readonly reason_not_safe: string | null;
  /** Id of that row. */
  readonly cinder_id: string | null;
  readonly extra_info: string | null;
}

export interface ManageableSnapshot extends ManageableVolume {
  /** The volume that it is a snapshot of. */
  readonly source_reference: ExistingReference;
}

/** How the data of a local path is laid out. */
export type LocalFormat = 'raw' | 'qcow2';

/**
 * Changes storage and returns a ModelUpdate; reads no database, sends no message. One object serves one backend section.
 *
 * Every method may be called again with the same arguments after it failed, was aborted, or the process died in it:
 * what is there already is taken over or replaced (S-11, S-12), what is gone already is success (S-10). An abort leaves
 * the old state, the new state, or something that the repetition cleans up (S-18), and rejects with an AbortError. No
 * method blocks the event loop (S-19). Names on the backend come from `nameIdOf` and the name templates (S-15).
 *
 * What goes wrong is thrown as a CinderError whose class means something to the manager; anything else is a failure of
 * the operation with its message as the reason. Sizes are in GiB.
 */
export interface VolumeDriver {
  /** Class name as in upstream's log lines, such as `LVMVolumeDriver`. */
  readonly name: string;
  readonly version: string;
  readonly supportsActiveActive?: boolean;

  /** Makes the driver usable, or throws why it cannot be: it is then tried again. Called before everything else. */
  doSetup(signal: AbortSignal): Promise<void>;

  /** Fresh figures of the backend. A backend that is broken says so here, by `backend_state` or by throwing. */
  getVolumeStats(signal: AbortSignal): Promise<VolumeStats>;

  /** An empty volume of `volume.size`: it reads as zeros, also where other data stood before (S-16). */
  createVolume(volume: Volume, signal: AbortSignal): Promise<ModelUpdate>;
  /** A volume with the data of the snapshot, grown to `volume.size` (S-13); `snapshot.volume` is its volume. */
  createVolumeFromSnapshot(
    volume: Volume,
    snapshot: Snapshot,
    signal: AbortSignal,
    progress: Progress,
  ): Promise<ModelUpdate>;
  /** A volume with the data of `source`, which may be in use, grown to `volume.size` (S-13). */
  createClonedVolume(volume: Volume, source: Volume, signal: AbortSignal, progress: Progress): Promise<ModelUpdate>;
  /** Removes the volume. Throws VolumeIsBusy, and changes nothing, while something depends on it (S-14). */
  deleteVolume(volume: Volume, signal: AbortSignal): Promise<void>;
  /** Grows the volume to `newSize`; success when it has that size already (S-17). Attached volumes grow online or throw. */
  extendVolume(volume: Volume, newSize: number, signal: AbortSignal): Promise<void>;

  createSnapshot(snapshot: Snapshot, volume: Volume, signal: AbortSignal, progress: Progress): Promise<ModelUpdate>;
  /**
   * Only where Nova takes the snapshots of attached volumes, so that a guest may write to their files before we know. Called
   * in place of `createSnapshot` and `deleteSnapshot` for such a one that was cut off: notes what Nova has done, or throws.
   * Nothing is made and nothing removed (manager.md §2.3).
   */
  finishSnapshot?(snapshot: Snapshot, volume: Volume, signal: AbortSignal): Promise<ModelUpdate>;
  /** Removes the snapshot. Throws SnapshotIsBusy, and changes nothing, while something depends on it (S-14). */
  deleteSnapshot(snapshot: Snapshot, volume: Volume, signal: AbortSignal): Promise<void>;

  /** Brings the export of an in-use volume back after a restart, under the names it had (S-21). */
  ensureExport(volume: Volume, signal: AbortSignal): Promise<void>;
  createExport(volume: Volume, connector: Connector, signal: AbortSignal): Promise<ModelUpdate>;
  removeExport(volume: Volume, signal: AbortSignal): Promise<void>;
  /** Throws InvalidConnectorException when the connector lacks what this backend needs. */
  validateConnector(connector: Connector): void;
  initializeConnection(volume: Volume, connector: Connector, signal: AbortSignal): Promise<ConnectionInfo>;
  /** Ends the connection of one host, or every one where `connector` is undefined. True: the host still uses it (S-11). */
  terminateConnection(volume: Volume, connector: Connector | undefined, signal: AbortSignal): Promise<boolean>;

  /**
   * Sets the data of the volume, which is not attached, back to that of the snapshot. Both keep their rows and may be used
   * as before; later snapshots of the volume keep their data. The sizes are equal. Cut off, the volume has the old data,
   * the snapshot's, or a mixture that the repetition makes the snapshot's. Absent: the manager copies instead (manager.md §6.3).
   */
  revertToSnapshot?(volume: Volume, snapshot: Snapshot, signal: AbortSignal, progress: Progress): Promise<void>;

  /**
   * Takes what `existingRef` names under the name of `volume`, its data as they are, its size whole GiB. Success where an
   * earlier run did so already. Throws ManageExistingInvalidReference for what is not there or cannot be a volume. That it is
   * no other row's volume the manager has seen before, from `getManageableVolumes`. Absent, as are the next two: the backend
   * takes nothing in (manager.md §10).
   */
  manageExisting?(volume: Volume, existingRef: ExistingReference, signal: AbortSignal): Promise<ModelUpdate>;
  /** Size in GiB, rounded up, of what would be taken; changes nothing, and throws as `manageExisting` would. */
  manageExistingGetSize?(volume: Volume, existingRef: ExistingReference, signal: AbortSignal): Promise<number>;
  /** Lets the volume be what it is, under its name, and forgets it; exports are gone by then. Absence is success. */
  unmanage?(volume: Volume, signal: AbortSignal): Promise<void>;
  /** What of this backend could be taken in, and what of it is: every plain thing, sorted by nothing. `known` are our rows. */
  getManageableVolumes?(known: readonly Volume[], signal: AbortSignal): Promise<readonly ManageableVolume[]>;

  /** As for volumes; `volume` is the one that it is, or is declared to be, a snapshot of. */
  manageExistingSnapshot?(
    snapshot: Snapshot,
    volume: Volume,
    existingRef: ExistingReference,
    signal: AbortSignal,
  ): Promise<ModelUpdate>;
  manageExistingSnapshotGetSize?(
    snapshot: Snapshot,
    volume: Volume,
    existingRef: ExistingReference,
    signal: AbortSignal,
  ): Promise<number>;
  unmanageSnapshot?(snapshot: Snapshot, volume: Volume, signal: AbortSignal): Promise<void>;
  getManageableSnapshots?(known: readonly Snapshot[], signal: AbortSignal): Promise<readonly ManageableSnapshot[]>;

  /**
   * A volume with the data of an image that the backend can reach by itself, such as one that Glance keeps on it; undefined
   * where it cannot, and nothing is made then. Absent: it never can.
   */
  cloneImage?(volume: Volume, image: Image, signal: AbortSignal): Promise<ModelUpdate | undefined>;

  /**
   * Runs `body` with a path of this machine at which the data of the volume stands, in the format that is told, for as long
   * as `body` takes; the path may be gone afterwards. Without `write` it shows the data of one moment, at best (a copy of an
   * attached volume is only as good as a crash); with it `body` may also change the data, and the volume is not attached. `body`
   * keeps the format and the size. What it throws is passed on. Image transfer stands on it (manager.md §4.4, §8.2, §9.5); absent:
   * the manager connects to the volume as a host would.
   */
  withLocalPath?<T>(
    volume: Volume,
    access: { readonly write: boolean },
    body: (path: string, format: LocalFormat) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T>;

  /** Lets go of what the driver holds (locks, helpers). Exports stay. May be called twice. */
  close(): Promise<void>;
}
