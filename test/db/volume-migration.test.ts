import { migrationSuite } from '../conformance/database/migration.ts';
import { sqliteBench } from '../support/database-bench.ts';

migrationSuite(sqliteBench);
