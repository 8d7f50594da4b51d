import type { DatabaseBench } from '../../support/database-bench.ts';
import { attachmentTableSuite } from './attachments.ts';
import { imageCacheTableSuite } from './image-cache.ts';
import { messageTableSuite } from './messages.ts';
import { migrationSuite } from './migration.ts';
import { quotaTableSuite } from './quotas.ts';
import { serviceTableSuite } from './services.ts';
import { snapshotTableSuite } from './snapshots.ts';
import { volumeTypeTableSuite } from './volume-types.ts';
import { volumeTableSuite } from './volumes.ts';
import { workerTableSuite } from './workers.ts';

/** What every kind of database does alike (database.md). */
export function databaseSuite(bench: DatabaseBench): void {
  serviceTableSuite(bench);
  volumeTableSuite(bench);
  snapshotTableSuite(bench);
  attachmentTableSuite(bench);
  migrationSuite(bench);
  workerTableSuite(bench);
  quotaTableSuite(bench);
  messageTableSuite(bench);
  imageCacheTableSuite(bench);
  volumeTypeTableSuite(bench);
}
