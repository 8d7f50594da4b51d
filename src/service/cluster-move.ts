import type { Logger } from '../base/log.ts';
import type { Service } from '../objects/service.ts';

/** A row that names another cluster keeps it, with everything that belongs to it (L-083, database.md §2.1). */
export function tellMove({ cluster_name: old }: Pick<Service, 'cluster_name'>, now: string | null, log: Logger): void {
  if (old === now) return;
  const text = 'This service has been moved from cluster %s to %s. Resources will %sbe moved to the new cluster';
  log.info(text, old ?? 'None', now ?? 'None', old === null ? '' : 'NOT ');
}
