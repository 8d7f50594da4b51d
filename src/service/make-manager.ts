import type { Logs } from '../base/log.ts';
import { KeyedMutex } from '../base/mutex.ts';
import type { Configuration } from '../config/load.ts';
import { volumeCopier } from '../image/volume-copier.ts';
import type { Coordinator } from '../interface/coordinator.ts';
import { serviceGroup } from '../interface/daemon-options.ts';
import type { Database } from '../interface/database.ts';
import type { Executor } from '../interface/executor.ts';
import type { VolumeDriver } from '../interface/volume-driver.ts';
import { mask } from '../log/mask.ts';
import { backupClient } from '../messaging/backup-client.ts';
import type { Bus } from '../messaging/bus.ts';
import type { NotificationRoute } from '../messaging/notification-routes.ts';
import { notifier } from '../messaging/notifier.ts';
import { schedulerClient } from '../messaging/scheduler-client.ts';
import { volumeClient } from '../messaging/volume-client.ts';
import type { ServiceHost } from '../objects/host.ts';
import type { Claims } from '../volume/claim.ts';
import type { VolumeManager } from '../volume/manager.ts';
import { connectorOf } from './connector.ts';
import type { Heartbeat } from './heartbeat.ts';
import type { OtherServices } from './other-services.ts';
import { notificationGroup, rpcGroup } from './settings.ts';
import type { PinnedVersions } from './version-pins.ts';

/** What the service has opened for its manager. */
export interface ServiceParts {
  readonly driver: VolumeDriver;
  readonly db: Database;
  readonly bus: Bus;
  readonly coordinator: Coordinator;
  readonly claims: Claims;
  readonly heartbeat: Heartbeat;
  readonly routes: readonly NotificationRoute[];
}

/** The service as its manager sees it. */
export interface ManagerSurroundings
  extends Pick<VolumeManager, 'host' | 'signal' | 'capabilities' | 'note' | 'publishSoon'> {
  readonly exec: Executor;
  readonly logs: Logs;
  readonly host: ServiceHost;
  readonly configuration: Configuration;
  readonly pins: PinnedVersions;
  readonly settings: () => VolumeManager['settings'];
  readonly initialized: () => boolean;
}

/** Puts the manager of a backend together. It opens nothing, so that there is nothing to undo. */
export function makeManager(parts: ServiceParts, others: OtherServices, around: ManagerSurroundings): VolumeManager {
  const { bus, db, heartbeat, routes } = parts;
  const { host, exec, logs, configuration, pins, settings, initialized } = around;
  return {
    ...parts,
    host,
    images: others.images,
    imageFiles: others.imageFiles,
    compute: others.compute,
    copier: volumeCopier(exec, configuration.values(serviceGroup).state_path),
    scheduler: schedulerClient(bus.client),
    peers: volumeClient(bus.client, db),
    connector: connectorOf(host, configuration.values(serviceGroup).my_ip),
    backups: backupClient(bus.client, pins),
    notifier: notifier({
      values: configuration.values(notificationGroup),
      routes,
      transport: bus.transport,
      controlExchange: configuration.values(rpcGroup).control_exchange,
      topology: bus.rabbit,
      mask,
      logs,
    }),
    capabilities: around.capabilities,
    connections: new KeyedMutex(),
    log: logs('cinder.volume.manager'),
    cleanupLog: logs('cinder.manager'),
    get settings() {
      return settings();
    },
    get service() {
      return heartbeat.service;
    },
    get initialized() {
      return initialized();
    },
    signal: around.signal,
    publishSoon: around.publishSoon,
    note: around.note,
  };
}
