import { once } from 'node:events';
import { openLog } from '../../../src/log/oslo-log.ts';
import { logIdentity, logValues } from '../../support/log-values.ts';

/** Logs more to standard output than a pipe holds, says so on standard error, and once more when it is told to. */
// Whoever touches process.stdout makes the pipe one that does not wait.
process.stdout.write('');
const log = await openLog(logValues(), logIdentity());
for (let line = 1; line <= 3000; line++) log.logs('test').info('line %d %s', line, 'x'.repeat(500));
process.stderr.write('survived\n');
await once(process.stdin, 'data');
log.logs('test').info('after');
process.exit(0);
