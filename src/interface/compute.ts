/** What happened to a volume that servers use, in Nova's words. */
type ServerEvent = 'volume-extended' | 'volume-reimaged';

/** The compute service, asked with the daemon's own credentials (manager.md §16). */
export interface Compute {
  /**
   * Tells each server of the event. Rejects when Nova could not be told, or does not say what became of it. That Nova could not
   * pass it on to a server, which may be gone, is logged.
   */
  tellServers(event: ServerEvent, volumeId: string, serverIds: readonly string[], signal: AbortSignal): Promise<void>;
  /**
   * Has a server copy the data of a volume that it uses to another one, and use that from then on. Resolves when Nova has
   * taken the order; how it ends Nova says by `migrate_volume_completion`. Rejects where Nova does not take it. Cut off, Nova
   * may have it.
   */
  swapVolume(serverId: string, volumeId: string, newVolumeId: string, signal: AbortSignal): Promise<void>;
}
