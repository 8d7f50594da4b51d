import type { Configuration } from '../config/load.ts';
import type { Database } from '../interface/database.ts';
import { mask } from '../log/mask.ts';
import type { OpenLog } from '../log/oslo-log.ts';
import { volumeServers } from '../messaging/addressing.ts';
import type { Bus } from '../messaging/bus.ts';
import { RpcServer, type RpcServerOptions } from '../messaging/server.ts';
import { volumeEndpoint } from '../volume/endpoint.ts';
import type { VolumeManager } from '../volume/manager.ts';
import { rpcGroup } from './settings.ts';

/** What the service tells its server of itself. */
export interface ServerSurroundings extends Pick<RpcServerOptions, 'instance'> {
  readonly objects: NonNullable<RpcServerOptions['objects']>;
  readonly observe: NonNullable<RpcServerOptions['observe']>;
  readonly configuration: Configuration;
  readonly log: OpenLog;
}

/** The RPC server of a backend (rpc.md §2). It takes what comes from now on. */
export function makeServer(manager: VolumeManager, bus: Bus, db: Database, around: ServerSurroundings): RpcServer {
  const { configuration, instance, log, objects } = around;
  const { rabbit, transport } = bus;
  const rpc = configuration.values(rpcGroup);
  return new RpcServer({
    transport,
    servers: volumeServers(manager.host),
    controlExchange: rpc.control_exchange,
    endpoint: volumeEndpoint(manager, around.log),
    topology: rabbit,
    instance,
    slots: rpc.executor_thread_pool_size,
    prefetch: rabbit.rabbit_qos_prefetch_count,
    responseTimeout: rpc.rpc_response_timeout,
    replyTimeout: rabbit.kombu_missing_consumer_retry_timeout,
    ping: rpc.rpc_ping_enabled,
    databaseAnswers: () => db.ping(),
    mask,
    logs: log.logs,
    objects,
    observe: around.observe,
  });
}
