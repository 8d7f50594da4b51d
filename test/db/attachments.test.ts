import { attachmentTableSuite } from '../conformance/database/attachments.ts';
import { sqliteBench } from '../support/database-bench.ts';

attachmentTableSuite(sqliteBench);
