import { after, before, describe } from 'node:test';
import { silent } from '../../src/base/log.ts';
import { RpcClient } from '../../src/messaging/client.ts';
import { type TransportSettings, transportSettings } from '../../src/messaging/connection-plan.ts';
import type { RabbitValues } from '../../src/messaging/options.ts';
import type { TopologyOptions } from '../../src/messaging/topology.ts';
import { openTransport, type Transport } from '../../src/messaging/transport.ts';
import { parseTransportUrl } from '../../src/messaging/transport-url.ts';
import { DebianRoot, type Release } from './debian-root.ts';
import { rabbitPresets, rpcPresets } from './messaging.ts';
import { RabbitMQ, type RabbitOptions } from './rabbitmq.ts';

export const releases: readonly Release[] = ['3', '4'];

/** Registers the tests of `body` with a RabbitMQ of each release, started once for all of them; they skip where there is none. */
export function onEachRabbitMQ(
  title: string,
  options: RabbitOptions | (() => Promise<RabbitOptions>),
  body: (broker: () => RabbitMQ, release: Release) => void,
): void {
  // Both at once: most of the time is spent in waiting for a broker.
  describe(title, { concurrency: releases.length }, () => {
    for (const release of releases) {
      const skip = DebianRoot.of(release) === undefined ? DebianRoot.missing(release) : false;
      describe(`RabbitMQ ${release}.x: ${title}`, { skip, concurrency: 1 }, () => {
        let broker: RabbitMQ | undefined;
        before(async () => {
          broker = await RabbitMQ.start(release, typeof options === 'function' ? await options() : options);
        });
        after(() => broker?.[Symbol.asyncDispose]());
        body(() => {
          if (broker === undefined) throw new Error('the broker did not start');
          return broker;
        }, release);
      });
    }
  });
}

/** Settings as a configuration file makes them. */
export function settingsOf(
  url: string,
  rabbit: Partial<RabbitValues> = {},
  changes: Partial<TransportSettings> = {},
): TransportSettings {
  const sources = {
    url: parseTransportUrl(url),
    rabbit: { ...rabbitPresets, ...rabbit },
    rpc: rpcPresets,
    program: 'cinder-volume',
    logs: () => silent,
  };
  return { ...transportSettings(sources), ...changes };
}

export function connectTo(
  url: string,
  rabbit: Partial<RabbitValues> = {},
  changes: Partial<TransportSettings> = {},
): Promise<Transport> {
  return openTransport(settingsOf(url, rabbit, changes), AbortSignal.timeout(30_000));
}

/** A client of another exchange, or with another topology, than the presets. */
export function aClientOf(transport: Transport, controlExchange: string, topology: TopologyOptions): RpcClient {
  return new RpcClient({
    transport,
    controlExchange,
    topology,
    instance: controlExchange,
    responseTimeout: 20,
    logs: () => silent,
  });
}
