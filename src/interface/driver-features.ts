import type { Group } from '../objects/group.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import type { Volume } from '../objects/volume.ts';
import type { VolumeType } from '../objects/volume-type.ts';
import type { ConnectionInfo, Connector, ModelUpdate, VolumeDriver } from './volume-driver.ts';

/** A snapshot that hosts can read, without a volume made of it. A driver has all four or none. */
interface SnapshotExports {
  createExportSnapshot(
    snapshot: Snapshot,
    volume: Volume,
    connector: Connector,
    signal: AbortSignal,
  ): Promise<ModelUpdate>;
  removeExportSnapshot(snapshot: Snapshot, volume: Volume, signal: AbortSignal): Promise<void>;
  initializeConnectionSnapshot(
    snapshot: Snapshot,
    volume: Volume,
    connector: Connector,
    signal: AbortSignal,
  ): Promise<ConnectionInfo>;
  terminateConnectionSnapshot(
    snapshot: Snapshot,
    volume: Volume,
    connector: Connector | undefined,
    signal: AbortSignal,
  ): Promise<void>;
}

/** What a failover has come to (manager.md §12.3). */
export interface FailedOver {
  /** The target that serves from now on. */
  readonly activeBackendId: string | null;
  readonly volumes: readonly { readonly volume_id: string; readonly updates: FailoverUpdate }[];
}

/** Columns of a volume after a failover; `status` only where it changes. */
type FailoverUpdate = ModelUpdate & { readonly status?: string };

/** A backend with a second site. */
interface Replication {
  /** Moves to another target, `default` being the way back. Throws InvalidReplicationTarget for one that there is not. */
  failoverHost(volumes: readonly Volume[], secondaryId: string | null, signal: AbortSignal): Promise<FailedOver>;
  /** The cluster has failed over; this member follows. */
  failoverCompleted(activeBackendId: string | null, signal: AbortSignal): Promise<void>;
  /** The operator freezes the backend: nothing will be made on it. A failure changes nothing. */
  freezeBackend(signal: AbortSignal): Promise<void>;
  /** Undoes it. A failure leaves the service disabled. */
  thawBackend(signal: AbortSignal): Promise<void>;
}

/** A backend that moves volumes, or changes them in place, without the manager. Each is tried before the general way. */
interface Moves {
  /** Moves the volume to `host`; undefined where it cannot, and nothing was changed. */
  migrateVolume(
    volume: Volume,
    host: { readonly host: string; readonly capabilities: Readonly<Record<string, unknown>> },
    signal: AbortSignal,
  ): Promise<ModelUpdate | undefined>;
  /** Makes the volume one of `newType`; undefined where it cannot, and nothing was changed. */
  retype(
    volume: Volume,
    newType: VolumeType,
    difference: Readonly<Record<'extra_specs' | 'qos_specs', Readonly<Record<string, readonly [unknown, unknown]>>>>,
    host: { readonly host: string },
    signal: AbortSignal,
  ): Promise<ModelUpdate | undefined>;
  /**
   * Runs at the destination of a copy: may give the data the name of `volume`, which was at `status` before. The update is
   * for the row of `volume`. Repeated, it succeeds without a change (S-17).
   */
  updateMigratedVolume(
    volume: Volume,
    newVolume: Volume,
    status: string,
    signal: AbortSignal,
  ): Promise<Pick<ModelUpdate, 'provider_location' | 'provider_id'> & { readonly _name_id?: string | null }>;
}

/** Columns of a volume, by its id. */
interface UpdateOf {
  readonly id: string;
  readonly updates: ModelUpdate;
}

/** A backend that replicates groups as a whole. A driver has all three or none. */
export interface GroupReplication {
  enableReplication(group: Group, volumes: readonly Volume[], signal: AbortSignal): Promise<readonly UpdateOf[]>;
  disableReplication(group: Group, volumes: readonly Volume[], signal: AbortSignal): Promise<readonly UpdateOf[]>;
  failoverReplication(
    group: Group,
    volumes: readonly Volume[],
    secondaryId: string | null,
    signal: AbortSignal,
  ): Promise<readonly UpdateOf[]>;
}

/** What a driver may do itself when the manager knows another way, or none. */
interface Extras {
  /** Another project is about to own the volume. */
  acceptTransfer(volume: Volume, newUser: string, newProject: string, signal: AbortSignal): Promise<ModelUpdate>;
  /** Whether a revert begins with a snapshot of the state before; it does where nothing else is said. */
  snapshotRevertUseTempSnapshot(): boolean;
  /** Whether files of this backend belong to a user without rights; false for devices. */
  secureFileOperationsEnabled(): boolean;
}

/** A driver with all that it may have besides. What is absent is done in the general way, or refused (storage.md §2.1). */
export type StorageDriver = VolumeDriver & Partial<SnapshotExports & Replication & GroupReplication & Moves & Extras>;
