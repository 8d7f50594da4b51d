import { createInterface } from 'node:readline';
import { openLog } from '../../../src/log/oslo-log.ts';
import { logIdentity, logValues } from '../../support/log-values.ts';

/** Logs each line of its standard input and then prints it. Argument: the logging options, as JSON in `values`. */
const task = JSON.parse(process.argv[2] ?? '') as { values: Parameters<typeof logValues>[0] };
const log = await openLog(logValues(task.values), logIdentity());
const logger = log.logs('test.steps');
for await (const line of createInterface({ input: process.stdin })) {
  logger.info(line);
  process.stdout.write(`${line}\n`);
}
await log.close();
