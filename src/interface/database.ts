import type { AttachmentTable } from './attachment-table.ts';
import type { BackupTable } from './backup-table.ts';
import type { GroupSnapshotTable, GroupTable } from './group-table.ts';
import type { ImageCacheTable } from './image-cache-table.ts';
import type { MessageTable } from './message-table.ts';
import type { QuotaTable } from './quota-table.ts';
import type { ServiceTable } from './service-table.ts';
import type { SnapshotTable } from './snapshot-table.ts';
import type { VolumeTable } from './volume-table.ts';
import type { VolumeTypeTable } from './volume-type-table.ts';
import type { WorkerTable } from './worker-table.ts';

/**
 * The tables that the daemon shares with Cinder (database.md). Reads give live rows only and see everything, as an admin
 * would. Every write sets the columns that upstream's ORM sets by itself (`updated_at` and its exceptions, database.md §1.1).
 *
 * Every method rejects with a DatabaseError when the database could not do it; nothing is written then. A deadlock or a
 * busy file is tried again inside.
 */
export interface Tables {
  readonly services: ServiceTable;
  readonly volumes: VolumeTable;
  readonly snapshots: SnapshotTable;
  readonly attachments: AttachmentTable;
  readonly backups: BackupTable;
  readonly groups: GroupTable;
  readonly groupSnapshots: GroupSnapshotTable;
  readonly workers: WorkerTable;
  readonly quotas: QuotaTable;
  readonly messages: MessageTable;
  readonly imageCache: ImageCacheTable;
  readonly volumeTypes: VolumeTypeTable;
}

export interface Database extends Tables, AsyncDisposable {
  /**
   * Runs `body` in one transaction: all of it is durable when the promise resolves, none of it when it rejects. `body`
   * uses `tx` and nothing else that matters, for it runs again after a deadlock or on a busy file.
   */
  transaction<T>(body: (tx: Tables) => Promise<T>): Promise<T>;
  /** Resolves when the database answers; milliseconds it took. */
  ping(): Promise<number>;
  /** What `db check` shows and the log names: the URL with its password masked. */
  readonly url: string;
  /** What is asked of it at this moment, and how often it could not be done so far (O-16). */
  readonly load: { readonly inUse: number; readonly errors: number };
}

/**
 * `away`: no connection, a locked or missing file: the same statement may succeed later. `full`: no space where the
 * database writes; also worth another try. `refused`: the statement itself fails, again and again.
 */
export type DatabaseErrorKind = 'away' | 'full' | 'refused';

export class DatabaseError extends Error {
  readonly kind: DatabaseErrorKind;

  constructor(kind: DatabaseErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DatabaseError';
    this.kind = kind;
  }
}
