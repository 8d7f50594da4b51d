import type { RequestContext } from '../objects/context.ts';
import type { VolumeManager } from './manager.ts';

/** Asks the driver and tells the scheduler. A driver that cannot say is a warning, and the scheduler keeps what it knows. */
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
  await scheduler.reportCapabilities(context, host, capabilities.stats);
}
