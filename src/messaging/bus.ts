import type { Logs } from '../base/log.ts';
import { RpcClient } from './client.ts';
import { type BrokerAddress, transportSettings } from './connection-plan.ts';
import type { RabbitValues, RpcValues } from './options.ts';
import { Transport } from './transport.ts';
import { transportUrlOf } from './transport-url.ts';

export interface BusSources {
  readonly rpc: RpcValues;
  readonly rabbit: RabbitValues;
  /** Where the embedded broker is, for `embedded://`. */
  readonly embedded?: BrokerAddress | undefined;
  /** First part of the connection's name: health checks look for `cinder-volume`. */
  readonly program: string;
  /** Tells this process from its neighbours where queue names stay the same over restarts. */
  readonly instance: string;
  readonly logs: Logs;
  /** As for RpcClient. */
  readonly objectsFor?: (topic: string) => Promise<string>;
}

/** One process's way to the others: a supervised connection, and a client that sends over it. */
export interface Bus {
  readonly transport: Transport;
  readonly client: RpcClient;
  /** What `rabbit` and the URL's own options come to. */
  readonly rabbit: RabbitValues;
  close(): Promise<void>;
}

/** Begins to connect, and goes on for ever. Throws WrongTransportUrl for what cannot be connected to. */
export function openBus(sources: BusSources): Bus {
  const { rpc, rabbit, embedded, program, instance, logs, objectsFor } = sources;
  const url = transportUrlOf(rpc);
  const settings = transportSettings({
    url,
    rabbit,
    rpc,
    program,
    logs,
    ...(embedded === undefined ? {} : { embedded }),
  });
  const transport = new Transport(settings);
  const client = new RpcClient({
    transport,
    controlExchange: rpc.control_exchange,
    topology: settings.topology,
    instance,
    responseTimeout: rpc.rpc_response_timeout,
    logs,
    ...(objectsFor === undefined ? {} : { objectsFor }),
  });
  return {
    transport,
    client,
    rabbit,
    async close() {
      await client.close();
      await transport.close();
    },
  };
}
