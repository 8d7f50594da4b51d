import { openLog } from '../../../src/log/oslo-log.ts';
import { logIdentity, logValues } from '../../support/log-values.ts';

/** Holds back some records and then has nothing more to do; the log stays open. Argument: the log file. */
const values = logValues({ log_file: process.argv[2], log_rotation_type: 'interval' });
const log = await openLog(values, logIdentity({ role: 'supervisor' }));
for (let count = 0; count < 10; count++) log.logs('test').warning('again');
