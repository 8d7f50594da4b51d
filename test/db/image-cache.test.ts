import { imageCacheTableSuite } from '../conformance/database/image-cache.ts';
import { sqliteBench } from '../support/database-bench.ts';

imageCacheTableSuite(sqliteBench);
