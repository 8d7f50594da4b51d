import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dial } from '../../src/messaging/amqp1.ts';
import { dialectOf } from '../../src/messaging/dialects.ts';
import type { Transport } from '../../src/messaging/transport.ts';
import { adminContext } from '../../src/objects/context.ts';
import { transportConformance } from '../conformance/transport.ts';
import { FakeEndpoint, field, gate } from '../support/endpoint.ts';
import { eventually } from '../support/eventually.ts';
import { aClient, aServer, testQueue, testTarget } from '../support/messaging.ts';
import type { RabbitMQ } from '../support/rabbitmq.ts';
import { rabbitUser } from '../support/rabbitmq.ts';
import { connectTo, onEachRabbitMQ } from '../support/with-rabbitmq.ts';

/** Deletes a queue behind everybody's back. */
async function deleteQueue(broker: RabbitMQ, name: string): Promise<void> {
  const { host, port } = broker;
  const login = { ...rabbitUser, external: false, tls: undefined };
  const options = { host, port, ...login, virtualHost: '/', idleTimeout: 0, name: 'admin' };
  const connection = await dial(options, AbortSignal.timeout(20_000));
  await (await dialectOf(connection).openTopology(connection, options)).deleteQueue(name);
  await connection.close();
}

onEachRabbitMQ('the transport', {}, (broker, release) => {
  transportConformance('RabbitMQ', async () => {
    const transports: Transport[] = [];
    return {
      routes: false,
      isSilent: release === '3',
      async connect() {
        const transport = await connectTo(broker().url());
        transports.push(transport);
        return transport;
      },
      deleteQueue: (name) => deleteQueue(broker(), name),
      async [Symbol.asyncDispose]() {
        await Promise.all(transports.map((transport) => transport.close(0)));
      },
    };
  });

  test('calls are answered, each once, and what is not accepted comes again [M-65, R-01, R-14]', async () => {
    const [own, other] = [await connectTo(broker().url()), await connectTo(broker().url())];
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
      // RabbitMQ 3.10 ends the whole connection three seconds later: its plug-in cannot say that a consumer was cancelled.
      await deleteQueue(broker(), testQueue);
      await eventually('the queue is back', () => server.breaks > 0 && server.consuming);
      assert.equal(field(await call('after'), 'id'), 'after');
    } finally {
      await server.close();
      await client.close();
      await other.close(0);
      await own.close(0);
    }
  });
});
