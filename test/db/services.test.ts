import { serviceTableSuite } from '../conformance/database/services.ts';
import { sqliteBench } from '../support/database-bench.ts';

serviceTableSuite(sqliteBench);
