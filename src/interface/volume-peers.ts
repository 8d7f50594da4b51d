import type { VolumeAttachment } from '../objects/attachment.ts';
import type { RequestContext } from '../objects/context.ts';
import type { Volume } from '../objects/volume.ts';
import type { ConnectionInfo, Connector } from './volume-driver.ts';

/**
 * Volume services, ours among them, as a migration asks them (rpc.md §5.3). Each is found by the host of the volume that it
 * is about. Casts resolve when the broker has them and reject after 60 s; calls reject with the failure of the other side.
 */
export interface VolumePeers {
  /** A blank volume for a row that is there already; it is never rescheduled. */
  createVolume(context: RequestContext, volume: Volume): Promise<void>;
  deleteVolume(context: RequestContext, volume: Volume): Promise<void>;
  initializeConnection(
    context: RequestContext,
    volume: Volume,
    connector: Connector,
    signal: AbortSignal,
  ): Promise<ConnectionInfo>;
  terminateConnection(
    context: RequestContext,
    volume: Volume,
    connector: Connector,
    signal: AbortSignal,
  ): Promise<void>;
  removeExport(context: RequestContext, volume: Volume): Promise<void>;
  /** What the service at `host` can do. */
  capabilities(context: RequestContext, host: string, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>>;
  /** Lets the service of `newVolume` rename what it has. */
  updateMigratedVolume(
    context: RequestContext,
    volume: Volume,
    newVolume: Volume,
    status: string,
    signal: AbortSignal,
  ): Promise<void>;
  attachVolume(
    context: RequestContext,
    volume: Volume,
    attachment: Partial<VolumeAttachment>,
    signal: AbortSignal,
  ): Promise<void>;
}
