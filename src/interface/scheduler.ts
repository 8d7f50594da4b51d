import type { RequestContext } from '../objects/context.ts';
import type { ServiceHost } from '../objects/host.ts';
import type { Volume } from '../objects/volume.ts';
import type { VolumeStats } from './volume-driver.ts';

/** What the volume service tells the scheduler (rpc.md §5.1). */
export interface Scheduler {
  /**
   * Reports what the backend can do: a fan-out to all schedulers and a cast to one. Rejects only when the broker could
   * not be asked; that nobody listens is no failure (M-64). Not repeated: the next report supersedes it.
   */
  reportCapabilities(context: RequestContext, host: ServiceHost, stats: VolumeStats): Promise<void>;
  /** Hands a create back, to be placed elsewhere. Resolves when the broker has it; rejects after 60 s without. */
  createVolume(
    context: RequestContext,
    request: { volume: Volume; request_spec: unknown; filter_properties: unknown },
    signal: AbortSignal,
  ): Promise<void>;
}
