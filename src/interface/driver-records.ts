import type { Snapshot } from '../objects/snapshot.ts';

/**
 * The few things that a driver asks of the database, or has written there at once, where a ModelUpdate at the end would come too
 * late. Upstream's drivers do so by themselves.
 */
export interface DriverRecords {
  /** True while no volume has a row: on a new installation. */
  isNewInstallation(): Promise<boolean>;
  /** As the row has them now: Nova writes there, by way of the API, while a driver waits. Undefined: the row is gone. */
  snapshotState(id: string): Promise<Pick<Snapshot, 'status' | 'progress'> | undefined>;
  /** Writes the volume's admin metadata `format`. */
  setVolumeFormat(volumeId: string, format: string): Promise<void>;
  /** Writes the file that attached hosts have open now (`connection_info.name`) to the volume's attachments. */
  setConnectedFile(volumeId: string, file: string): Promise<void>;
}
