import { silent } from '../../src/base/log.ts';
import { volumeTarget } from '../../src/messaging/addressing.ts';
import { readBrokerFile } from '../../src/messaging/broker-file.ts';
import { openBus } from '../../src/messaging/bus.ts';
import { adminContext } from '../../src/objects/context.ts';
import { serviceHost } from '../../src/objects/host.ts';
import type { Daemon } from '../support/daemon.ts';
import { rabbitPresets, rpcPresets } from '../support/messaging.ts';

/** A client of the daemon's services, by RPC alone. */
export async function openClient(daemon: Daemon) {
  const embedded = await readBrokerFile(daemon.folder);
  const bus = openBus({
    rpc: { ...rpcPresets, transport_url: 'embedded://' },
    rabbit: rabbitPresets,
    embedded,
    program: 'volume-daemon-client',
    instance: 'bench',
    logs: () => silent,
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
    close: () => bus.close(),
  };
}
