import { snapshotTableSuite } from '../conformance/database/snapshots.ts';
import { sqliteBench } from '../support/database-bench.ts';

snapshotTableSuite(sqliteBench);
