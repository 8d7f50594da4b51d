import { messageTableSuite } from '../conformance/database/messages.ts';
import { sqliteBench } from '../support/database-bench.ts';

messageTableSuite(sqliteBench);
