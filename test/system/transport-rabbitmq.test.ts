import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silent } from '../../src/base/log.ts';
import { dial } from '../../src/messaging/amqp1.ts';
import { transportSettings } from '../../src/messaging/connection-plan.ts';
import { openManagement } from '../../src/messaging/topology-management.ts';
import { openTransport, type Transport } from '../../src/messaging/transport.ts';
import { parseTransportUrl } from '../../src/messaging/transport-url.ts';
import { adminContext } from '../../src/objects/context.ts';
import { transportConformance } from '../conformance/transport.ts';
import { FakeEndpoint, field, gate } from '../support/endpoint.ts';
import { eventually } from '../support/eventually.ts';
import { aClient, aServer, rabbitPresets, rpcPresets, testQueue, testTarget } from '../support/messaging.ts';

// Against a real RabbitMQ 4.x, by TEST_RABBITMQ_URL=rabbit://user:password@host:port/vhost.

const url = process.env['TEST_RABBITMQ_URL'];

if (url === undefined) {
  test('the transport on RabbitMQ 4.x [M-65]', (t) => t.skip('TEST_RABBITMQ_URL does not say where one is'));
} else {
  const settings = transportSettings({
    url: parseTransportUrl(url),
    rabbit: { ...rabbitPresets, ssl_ca_file: process.env['TEST_RABBITMQ_CA'] ?? '' },
    rpc: rpcPresets,
    program: 'cinder-volume',
    logs: () => silent,
  });
  const connect = (): Promise<Transport> => openTransport(settings, AbortSignal.timeout(20_000));
  const deleteQueue = async (name: string): Promise<void> => {
    const [broker] = settings.brokers;
    assert.ok(broker !== undefined);
    const { virtualHost, idleTimeout } = settings;
    const options = { ...broker, virtualHost, idleTimeout, external: false, tls: undefined, name: 'admin' };
    const connection = await dial(options, AbortSignal.timeout(20_000));
    await (await openManagement(connection)).deleteQueue(name);
    await connection.close();
  };

  transportConformance('RabbitMQ', async () => {
    const transports: Transport[] = [];
    return {
      routes: false,
      async connect() {
        const transport = await connect();
        transports.push(transport);
        return transport;
      },
      deleteQueue,
      async [Symbol.asyncDispose]() {
        await Promise.all(transports.map((transport) => transport.close(0)));
      },
    };
  });

  test('RabbitMQ: calls are answered, each once, and what is not accepted comes again [M-65, R-01, R-14]', async () => {
    const [own, other] = [await connect(), await connect()];
    const running = gate();
    const methods = {
      echo: { run: (args: unknown) => args },
      work: { class: 'work', run: () => running.passed },
    } as const;
    const endpoint = new FakeEndpoint(methods);
    const server = await aServer(own, endpoint.table, { slots: 4 });
    const client = aClient(other, 20);
    const request = (method: string, id: string) => ({ method, version: '3.0', args: { id }, context: adminContext() });
    const call = (id: string) => client.call(testTarget, request('echo', id), {}, new AbortController().signal);
    try {
      const answers = await Promise.all(Array.from({ length: 200 }, (_, at) => call(String(at))));
      assert.ok(answers.every((answer, at) => field(answer, 'id') === String(at)));
      assert.equal(await server.probe(new AbortController().signal), 'ok');

      for (const id of ['1', '2', '3', '4']) await client.cast(testTarget, request('work', id));
      await eventually('one cast waits', () => server.waitingCasts === 1);
      const drained = server.drain();
      await eventually('it is back', async () => (await own.depth(testQueue)) === 1);
      running.open();
      await drained;
      await server.resume();
      await eventually('it ran', () => endpoint.ran('work', '4') === 1);
      await deleteQueue(testQueue);
      await eventually('the queue is back', () => server.breaks === 1 && server.consuming);
      assert.equal(field(await call('after'), 'id'), 'after');
    } finally {
      await server.close();
      await client.close();
      await other.close(0);
      await own.close(0);
    }
  });
}
