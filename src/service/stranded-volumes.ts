import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { ServiceTable } from '../interface/service-table.ts';
import type { VolumeTable } from '../interface/volume-table.ts';
import { type ServiceHost, serviceOf } from '../objects/host.ts';
import { isReportedElsewhere } from './duplicate.ts';

export interface StrandedParts {
  readonly db: {
    readonly volumes: Pick<VolumeTable, 'serviceHosts'>;
    readonly services: Pick<ServiceTable, 'find' | 'get'>;
  };
  readonly log: Logger;
  /** The name of this machine, and the services of it that are ours. */
  readonly node: string;
  readonly services: readonly ServiceHost[];
  /** Seconds in which a row counts as fresh, and seconds for which it is watched then. */
  readonly downTime: number;
  readonly watch: number;
}

/**
 * Tells of volumes of this node that no service can reach, with the remedy (O-22d): none of ours does, and nobody else
 * reports under that name. A cinder-volume beside us does, and its volumes are not lost. Takes up to `watch` seconds a host.
 */
export async function warnOfStrandedVolumes(parts: StrandedParts, signal: AbortSignal): Promise<void> {
  const { db, log, node, services } = parts;
  try {
    for (const { host, count } of await db.volumes.serviceHosts()) {
      const isHere = host === node || host.startsWith(`${node}@`);
      if (!isHere || services.includes(serviceOf(host)) || (await isServed(parts, serviceOf(host), signal))) continue;
      const text =
        '%d volumes belong to host %s, which is not a service of this node; see cinder-manage volume update_host';
      log.warning(text, count, host);
    }
  } catch (error) {
    if (signal.aborted) throw error;
    log.debug('Volumes that no service can reach were not looked for: %s', messageOf(error));
  }
}

async function isServed(parts: StrandedParts, host: ServiceHost, signal: AbortSignal): Promise<boolean> {
  const row = await parts.db.services.find(host, 'cinder-volume');
  return row !== undefined && isReportedElsewhere(parts.db, row, parts, signal);
}
