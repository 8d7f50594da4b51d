import { openLog } from '../../../src/log/oslo-log.ts';
import { logIdentity, logValues } from '../../support/log-values.ts';

/** Logs after it has closed the log. Argument: the log file. */
const log = await openLog(logValues({ log_file: process.argv[2] }), logIdentity());
await log.close();
log.logs('test').info('late');
