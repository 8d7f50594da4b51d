import { type Logs, silent } from '../../src/base/log.ts';
import { volumeTarget } from '../../src/messaging/addressing.ts';
import { readBrokerFile } from '../../src/messaging/broker-file.ts';
import { openBus } from '../../src/messaging/bus.ts';
import { adminContext } from '../../src/objects/context.ts';
import { serviceHost } from '../../src/objects/host.ts';
import type { Daemon } from './daemon.ts';
import { eventually } from './eventually.ts';
import { rabbitPresets, rpcPresets } from './messaging.ts';

/** A client of the daemon's services, by RPC alone. */
export async function openClient(daemon: Daemon, logs: Logs = () => silent) {
  const embedded = await readBrokerFile(daemon.folder);
  const bus = openBus({
    rpc: { ...rpcPresets, transport_url: 'embedded://' },
    rabbit: rabbitPresets,
    embedded,
    program: 'volume-daemon-client',
    instance: 'test',
    logs,
  });
  const context = adminContext();
  return {
    /** Calls a method of a service, `host@backend`, and resolves to its answer. */
    call(host: string, method: string, args: Readonly<Record<string, unknown>>, timeout = 30): Promise<unknown> {
      const [node = '', backend = ''] = host.split('@');
      const target = volumeTarget(serviceHost(node, backend));
      const terms = { timeout, mandatory: true };
      return bus.client.call(
        target,
        { context, method, args, version: '3.0' },
        terms,
        AbortSignal.timeout(timeout * 1000),
      );
    },
    /** Messages that wait at the broker for that service. */
    async waiting(host: string): Promise<number> {
      const [node = ''] = host.split('@');
      const { transport } = bus;
      await eventually('the client is connected', () => transport.connected);
      const queues = ['cinder-volume', `cinder-volume.${host}`, `cinder-volume.${host}.${node}`];
      const depths = await Promise.all(queues.map((queue) => transport.depth(queue)));
      return depths.reduce((sum: number, depth) => sum + (depth ?? 0), 0);
    },
    close: () => bus.close(),
  };
}
