import type { AmqpConnection } from '../../src/messaging/amqp.ts';
import { dial } from '../../src/messaging/amqp1.ts';
import type { TopologyAdmin } from '../../src/messaging/topology.ts';
import { openManagement } from '../../src/messaging/topology-management.ts';
import { addressOf } from './messaging.ts';

/** A bare connection to a broker: links, and the management node. */
export interface RawClient extends AsyncDisposable {
  readonly connection: AmqpConnection;
  readonly admin: TopologyAdmin;
}

export async function rawClient(
  broker: { host: string; port: number },
  changes: { user?: string; password?: string; idleTimeout?: number } = {},
): Promise<RawClient> {
  const settings = { external: false, tls: undefined, virtualHost: '/', idleTimeout: 30_000, name: 'raw' };
  const connection = await dial({ ...settings, ...addressOf(broker), ...changes }, AbortSignal.timeout(10_000));
  return { connection, admin: await openManagement(connection), [Symbol.asyncDispose]: () => connection.close() };
}

/** Deletes a queue as an administrator would. */
export async function deleteQueue(broker: { host: string; port: number }, name: string): Promise<void> {
  const client = await rawClient(broker);
  await client.admin.deleteQueue(name);
  await client.connection.close();
}
