import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Configuration } from '../config/load.ts';
import { serviceGroup } from '../interface/daemon-options.ts';
import type { Database } from '../interface/database.ts';
import type { NewService } from '../interface/service-table.ts';
import type { ServiceHost } from '../objects/host.ts';
import { objectVersion, rpcVersion, type Service } from '../objects/service.ts';
import type { VolumeManager } from '../volume/manager.ts';
import { untilItWorks } from './adapters.ts';
import { tellMove } from './cluster-move.ts';

/** What our row in `services` says when it is made (database.md §2.1). */
export function registrationOf(
  configuration: Configuration,
  host: ServiceHost,
  { backend_availability_zone }: Pick<VolumeManager['settings'], 'backend_availability_zone'>,
): NewService {
  const { enable_new_services, storage_availability_zone } = configuration.values(serviceGroup);
  return {
    host,
    binary: 'cinder-volume',
    topic: 'cinder-volume',
    availability_zone: backend_availability_zone ?? storage_availability_zone,
    disabled: !enable_new_services,
    cluster_name: null,
    rpc_current_version: rpcVersion,
    object_current_version: objectVersion,
  };
}

/** Finds or makes the row, for as long as it takes; `trouble` is told why it is not there yet, and when it is. */
export function registerAtLast(
  db: Database,
  registration: () => NewService,
  log: Logger,
  trouble: (reason: string | undefined) => void,
  signal: AbortSignal,
): Promise<{ service: Service; isNew: boolean }> {
  const attempt = async () => {
    const wanted = registration();
    const known = await db.services.find(wanted.host, wanted.binary);
    if (known !== undefined) tellMove(known, wanted.cluster_name, log);
    return { service: await db.services.register(wanted), isNew: known === undefined };
  };
  const failed = (error: unknown): void => {
    trouble(messageOf(error));
    log.log('WARNING', { error, outage: 'database' }, 'The service could not be registered');
  };
  return untilItWorks(attempt, { failed, signal }).finally(() => trouble(undefined));
}
