import { withLogContext } from '../../../src/base/log.ts';
import { openLog } from '../../../src/log/oslo-log.ts';
import { logIdentity, logValues } from '../../support/log-values.ts';

/** Logs from a signal handler and exits at once. Argument: the logging options as JSON. */
const values = JSON.parse(process.argv[2] ?? '') as Parameters<typeof logValues>[0];
const log = await openLog(logValues(values), logIdentity({ role: 'supervisor' }));
const logger = log.logs('oslo_service.service');
process.on('SIGTERM', () => {
  logger.info('Caught SIGINT signal, instantaneous exiting');
  for (let line = 1; line <= 100; line++) log.logs('cinder.service').warning('last words');
  withLogContext({ request_id: 'req-1' }, () => logger.exception(new TypeError('x'), 'Unhandled %s', 'error'));
  log.flush();
  process.exit(1);
});
logger.info('ready');
setInterval(() => {}, 60_000);
