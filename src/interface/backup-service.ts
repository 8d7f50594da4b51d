import type { Backup, BackupInMessage } from '../objects/backup.ts';
import type { RequestContext } from '../objects/context.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import type { Volume } from '../objects/volume.ts';

/** What a backup is read from. */
export type BackupDevice = { readonly volume: Volume } | { readonly snapshot: Snapshot; readonly of: Volume };

/** What the volume service asks of cinder-backup (rpc.md §5.2). Each resolves when the broker has it; rejects after 60 s. */
export interface BackupService {
  /** The device is ready. */
  continueBackup(
    context: RequestContext,
    backup: BackupInMessage,
    device: BackupDevice,
    secureEnabled: boolean,
  ): Promise<void>;
  /** Fills a new volume from the backup; whoever gets it ends the create. Sent to `backup.host`. */
  restoreBackup(context: RequestContext, backup: Backup, volumeId: string): Promise<void>;
}
