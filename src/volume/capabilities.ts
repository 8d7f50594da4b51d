import { messageOf } from '../base/errors.ts';
import type { RequestContext } from '../objects/context.ts';
import type { VolumeManager } from './manager.ts';

/**
 * Asks the driver and tells the scheduler, which keeps what it knows where that cannot be: one warning an outage, since the
 * next report says it all and comes as soon as the broker is back. Rejects where the driver cannot say.
 */
export async function publishCapabilities(
  manager: VolumeManager,
  context: RequestContext,
  signal: AbortSignal,
): Promise<void> {
  const { capabilities, driver, log, scheduler, host, settings } = manager;
  if (manager.initialized) {
    const before = performance.now();
    const stats = await driver.getVolumeStats(signal);
    const seconds = (performance.now() - before) / 1000;
    if (seconds > settings.backend_stats_polling_interval / 2) {
      log.warning('The driver needed %.1f seconds for its figures, more than half of the interval', seconds);
    }
    capabilities.complete(stats, settings);
  }
  if (capabilities.stats === undefined) return;
  log.debug('Notifying Schedulers of capabilities ...');
  try {
    await scheduler.reportCapabilities(context, host, capabilities.stats);
    capabilities.leaves(true);
  } catch (error) {
    if (signal.aborted) throw error;
    const template = 'The schedulers keep the capabilities that they know of for now: %s';
    if (capabilities.leaves(false)) log.log('WARNING', { outage: 'broker' }, template, messageOf(error));
    else log.debug(template, messageOf(error));
  }
}
