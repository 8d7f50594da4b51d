import { openLog } from '../../../src/log/oslo-log.ts';
import { logIdentity, logValues } from '../../support/log-values.ts';

/** Has a warning of a library and an error that nobody catches, as main wires them. */
const log = await openLog(logValues(), logIdentity());
process.removeAllListeners('warning').on('warning', log.warning);
process.emitWarning('the old way, token=canary', 'DeprecationWarning', 'DEP9999');
setImmediate(() => {
  log.logs('cinder').log('CRITICAL', { error: new RangeError('too far') }, 'Unhandled error');
  process.exit(1);
});
