import { volumeTypeTableSuite } from '../conformance/database/volume-types.ts';
import { sqliteBench } from '../support/database-bench.ts';

volumeTypeTableSuite(sqliteBench);
