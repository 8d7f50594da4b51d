import type { Volume } from '../objects/volume.ts';
import type { ConnectionInfo, Connector } from './volume-driver.ts';

/** Where an export stands and who may use it: the columns of the same names (storage.md §2.2). */
export interface ExportUpdate {
  readonly provider_location: string;
  readonly provider_auth: string | null;
}

/**
 * Exports a device or file to hosts. The rules of VolumeDriver for repetition and abort hold here as well; everything is
 * named after the volume, so that a second process finds what a first one made.
 */
export interface TargetDriver {
  /** What the scheduler is told: `iSCSI`, or `local` where a volume is only a path. */
  readonly protocol: string;

  /**
   * Throws when the helper cannot be used. Called before everything else, and again with each capability report: that is
   * when a helper that was restarted in between gets its exports back at the latest.
   */
  check(signal: AbortSignal): Promise<void>;
  /** Makes the export, or brings one that is gone back under the names and secrets in the volume's row (S-21). */
  ensureExport(volume: Volume, path: string, signal: AbortSignal): Promise<void>;
  /** Makes the export; CHAP credentials are those of the volume's row, or new ones (S-20). */
  createExport(volume: Volume, path: string, signal: AbortSignal): Promise<ExportUpdate>;
  removeExport(volume: Volume, signal: AbortSignal): Promise<void>;
  validateConnector(connector: Connector): void;
  initializeConnection(
    volume: Volume,
    path: string,
    connector: Connector,
    signal: AbortSignal,
  ): Promise<ConnectionInfo>;
  /** Shuts one initiator out, or every one where `connector` is undefined; their sessions end. */
  terminateConnection(volume: Volume, connector: Connector | undefined, signal: AbortSignal): Promise<void>;
  /** Makes a connected host see the file's new size. Throws TargetUpdateFailed when it must connect again to see it. */
  extendTarget(volume: Volume, path: string, signal: AbortSignal): Promise<void>;
  /** Lets go of what the driver holds. Exports stay. May be called twice. */
  close(): Promise<void>;
}
