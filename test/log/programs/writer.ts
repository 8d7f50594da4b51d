import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { openLog } from '../../../src/log/oslo-log.ts';
import { logIdentity, logValues } from '../../support/log-values.ts';

/** Opens a log, writes numbered lines when it is told to, ends when its standard input does. Argument: what, as JSON. */
interface Task {
  readonly values: Parameters<typeof logValues>[0];
  readonly identity: Parameters<typeof logIdentity>[0];
  readonly lines: number;
  readonly name: string;
}

const task = JSON.parse(process.argv[2] ?? '') as Task;
const log = await openLog(logValues(task.values), logIdentity(task.identity));
const logger = log.logs('test.writer');
const over = once(process.stdin, 'end');
process.stdout.write('open\n');
await once(process.stdin, 'data');
for (let line = 1; line <= task.lines; line++) {
  logger.info('%s wrote line %d', task.name, line);
  if (line % 20 === 0) await turn();
}
process.stdout.write('done\n');
await over;
await log.close();
