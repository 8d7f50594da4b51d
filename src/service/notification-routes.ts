import type { Logger } from '../base/log.ts';
import type { Configuration } from '../config/load.ts';
import type { NotificationRoute } from '../messaging/notification-routes.ts';
import { notificationGroup, routingGroup } from './settings.ts';

/**
 * The rules of the notification driver `routing`, read once; none where it is not used. Throws an error that names the file
 * where that cannot be read or used; that no file is named is a warning, and the driver then sends nothing.
 */
export async function notificationRoutes(
  configuration: Configuration,
  log: Logger,
): Promise<readonly NotificationRoute[]> {
  if (!configuration.values(notificationGroup).driver.includes('routing')) return [];
  const { routing_config } = configuration.values(routingGroup);
  if (routing_config === '') {
    log.warning('The notification driver routing sends nothing: routing_config names no file of rules');
    return [];
  }
  // Few deployments route, and a worker counts its megabytes: the YAML parser is read where it is used.
  const { readRoutes } = await import('../messaging/notification-routes.ts');
  return readRoutes(routing_config);
}
