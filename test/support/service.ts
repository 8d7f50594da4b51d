import type { Broker } from '../../src/broker/broker.ts';
import type { RpcClient } from '../../src/messaging/client.ts';
import { encodeEnvelope, hexId, type Message, requestMessage } from '../../src/messaging/envelope.ts';
import type { Published } from '../../src/messaging/publisher.ts';
import type { RpcServer, RpcServerOptions } from '../../src/messaging/server.ts';
import type { Transport } from '../../src/messaging/transport.ts';
import { adminContext } from '../../src/objects/context.ts';
import { FakeEndpoint, type FakeMethod } from './endpoint.ts';
import { aBroker, aClient, aServer, aTransport, testQueue, testTarget } from './messaging.ts';

/** An RPC server with a fake endpoint, a client of it, and the broker between them. */
export interface Service {
  readonly broker: Broker;
  readonly endpoint: FakeEndpoint;
  readonly server: RpcServer;
  /** The server's own connection. */
  readonly transport: Transport;
  readonly client: RpcClient;
  /** The client's connection. */
  readonly clientTransport: Transport;
  call(method: string, args?: Message): Promise<unknown>;
  cast(method: string, args?: Message): Promise<Published>;
  /** Publishes a message as it is. Its outcome tells when the server settled it. */
  publish(message: Message): Promise<Published>;
}

/** Runs `body` with a service whose endpoint has these methods, and takes everything down afterwards. */
export async function withService(
  methods: Readonly<Record<string, FakeMethod>>,
  body: (service: Service) => Promise<void>,
  changes: Partial<RpcServerOptions> = {},
): Promise<void> {
  const broker = await aBroker();
  const endpoint = new FakeEndpoint(methods);
  const transport = await aTransport(broker);
  const clientTransport = await aTransport(broker);
  const client = aClient(clientTransport, 10);
  const server = await aServer(transport, endpoint.table, changes);
  const publish = (message: Message): Promise<Published> =>
    clientTransport.publish(
      { to: { exchange: '', key: testQueue }, body: encodeEnvelope(message) },
      { within: 20_000, again: true },
    );
  const request = (method: string, args: Message) => ({ method, version: '3.0', args, context: adminContext() });
  try {
    await body({
      broker,
      endpoint,
      server,
      transport,
      client,
      clientTransport,
      publish,
      call: (method, args = {}) => client.call(testTarget, request(method, args), {}, new AbortController().signal),
      cast: (method, args = {}) => publish(requestMessage(request(method, args))),
    });
  } finally {
    await server.close();
    await client.close();
    await clientTransport.close(0);
    await transport.close(0);
    await broker.close();
  }
}

/** A cast with an id that is known, to be sent more than once. */
export function aCast(method: string, args: Message = {}): Message {
  return requestMessage({ method, version: '3.0', args, context: adminContext() });
}

/** A call whose answer goes to a queue by that name. */
export function aCall(method: string, queue: string, args: Message = {}, timeout: number | null = null): Message {
  const request = { method, version: '3.0', args, context: adminContext() };
  return requestMessage(request, { queue, msgId: hexId(), timeout });
}
