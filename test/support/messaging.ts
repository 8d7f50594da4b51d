import { type Logs, silent } from '../../src/base/log.ts';
import { type Broker, type BrokerLimits, startBroker } from '../../src/broker/broker.ts';
import type { OptionTable, ValuesOf } from '../../src/interface/options.ts';
import type { RpcEndpoint } from '../../src/interface/rpc.ts';
import { volumeServers, volumeTarget } from '../../src/messaging/addressing.ts';
import { RpcClient } from '../../src/messaging/client.ts';
import { type BrokerAddress, type TransportSettings, transportSettings } from '../../src/messaging/connection-plan.ts';
import { rabbitOptions, rpcOptions } from '../../src/messaging/options.ts';
import { type RpcServer, type RpcServerOptions, startRpcServer } from '../../src/messaging/server.ts';
import { openTransport, type Transport } from '../../src/messaging/transport.ts';
import { parseTransportUrl } from '../../src/messaging/transport-url.ts';
import { serviceHost } from '../../src/objects/host.ts';

/** How the embedded broker of a test is reached. */
export const login = { user: 'cinder', password: 'a secret, with ümlaut' };

/** An embedded broker in this process, on a free port of loopback. */
export function aBroker(options: { port?: number; logs?: Logs; limits?: Partial<BrokerLimits> } = {}): Promise<Broker> {
  const { port = 0, logs = () => silent, limits } = options;
  const logger = logs('broker');
  return startBroker({ host: '127.0.0.1', port, ...login, logger, version: '0', ...(limits ? { limits } : {}) });
}

export function addressOf({ host, port }: { host: string; port: number }): BrokerAddress {
  return { host, port, ...login };
}

/** The presets of an option table. */
export function presetsOf<T extends OptionTable>(table: T): ValuesOf<T> {
  return Object.fromEntries(Object.entries(table).map(([name, { preset }]) => [name, preset])) as ValuesOf<T>;
}

export const rabbitPresets = presetsOf(rabbitOptions);
export const rpcPresets = presetsOf(rpcOptions);

/** Settings of a transport to an embedded broker. */
export function settingsFor(
  broker: { host: string; port: number },
  changes: Partial<TransportSettings> = {},
): TransportSettings {
  const sources = {
    url: parseTransportUrl('embedded://'),
    rabbit: rabbitPresets,
    rpc: rpcPresets,
    embedded: addressOf(broker),
    program: 'cinder-volume',
    logs: () => silent,
  };
  return { ...transportSettings(sources), ...changes };
}

export function aTransport(
  broker: { host: string; port: number },
  changes: Partial<TransportSettings> = {},
): Promise<Transport> {
  return openTransport(settingsFor(broker, changes), AbortSignal.timeout(10_000));
}

export const testHost = serviceHost('stor1', 'lvm');
export const testTarget = volumeTarget(testHost);
export const testQueue = 'cinder-volume.stor1@lvm.stor1';

export function serverOptions(transport: Transport, endpoint: RpcEndpoint): RpcServerOptions {
  return {
    transport,
    servers: volumeServers(testHost),
    controlExchange: 'openstack',
    endpoint,
    topology: rabbitPresets,
    instance: 'lvm',
    slots: 64,
    prefetch: 0,
    responseTimeout: 60,
    replyTimeout: 60,
    ping: false,
    databaseAnswers: async () => {},
    mask: (text) => text,
    logs: () => silent,
  };
}

/** An RPC server of `stor1@lvm` that consumes. */
export function aServer(
  transport: Transport,
  endpoint: RpcEndpoint,
  changes: Partial<RpcServerOptions> = {},
): Promise<RpcServer> {
  return startRpcServer({ ...serverOptions(transport, endpoint), ...changes }, AbortSignal.timeout(60_000));
}

export function aClient(transport: Transport, responseTimeout = 60): RpcClient {
  return new RpcClient({
    transport,
    controlExchange: 'openstack',
    topology: rabbitPresets,
    instance: 'test',
    responseTimeout,
    logs: () => silent,
  });
}
