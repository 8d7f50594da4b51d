import { quotaTableSuite } from '../conformance/database/quotas.ts';
import { sqliteBench } from '../support/database-bench.ts';

quotaTableSuite(sqliteBench);
