import type { Logger } from '../base/log.ts';
import type { KeyedMutex } from '../base/mutex.ts';
import type { BackupService } from '../interface/backup-service.ts';
import type { Compute } from '../interface/compute.ts';
import type { Coordinator } from '../interface/coordinator.ts';
import type { DataCopier } from '../interface/data-copier.ts';
import type { Database } from '../interface/database.ts';
import type { StorageDriver } from '../interface/driver-features.ts';
import type { ImageFiles } from '../interface/image-files.ts';
import type { ImageService } from '../interface/image-service.ts';
import type { Notifier } from '../interface/notifier.ts';
import type { Scheduler } from '../interface/scheduler.ts';
import type { Connector } from '../interface/volume-driver.ts';
import type { VolumePeers } from '../interface/volume-peers.ts';
import type { CleanupNote } from '../interface/worker-report.ts';
import { DriverNotInitialized } from '../objects/exceptions.ts';
import type { ServiceHost } from '../objects/host.ts';
import type { CapabilityReport } from './capability-report.ts';
import type { Claims } from './claim.ts';
import type { VolumeSettings } from './options.ts';

/** What the operations of one backend share: a record, handed to each of them, and no class with their names on it. */
export interface VolumeManager {
  readonly host: ServiceHost;
  readonly driver: StorageDriver;
  readonly db: Database;
  readonly coordinator: Coordinator;
  readonly copier: DataCopier;
  readonly scheduler: Scheduler;
  readonly backups: BackupService;
  readonly peers: VolumePeers;
  /** What this machine says of itself when it connects to a volume. */
  readonly connector: Connector;
  readonly notifier: Notifier;
  readonly images: ImageService;
  readonly imageFiles: ImageFiles;
  readonly compute: Compute;
  readonly claims: Claims;
  readonly capabilities: CapabilityReport;
  /** One connection change a volume at a time (manager.md §13). */
  readonly connections: KeyedMutex;
  readonly log: Logger;
  /** The logger of clean-up lines, under the name that upstream gives it (lifecycle.md §24). */
  readonly cleanupLog: Logger;
  /** Read anew at each use: SIGHUP may have changed what is mutable. */
  readonly settings: VolumeSettings;
  /** Our own row; another one after somebody deleted it and the heartbeat made it again. */
  readonly service: { readonly id: number; readonly uuid: string | null };
  /** True from the end of a successful driver set-up. */
  readonly initialized: boolean;
  /** Aborts when the service waits for its operations no longer. */
  readonly signal: AbortSignal;
  /** Reports to the scheduler in the background; several requests within a moment become one report. */
  publishSoon(): void;
  /** Tells what clean-up did (O-22). */
  note(note: CleanupNote): void;
}

/** Throws DriverNotInitialized while the driver is not set up: most operations begin so. */
export function requireDriver(manager: Pick<VolumeManager, 'initialized' | 'driver' | 'log'>): StorageDriver {
  if (!manager.initialized) throw new DriverNotInitialized();
  return manager.driver;
}
