import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { silent } from '../../src/base/log.ts';
import type { AmqpConnection } from '../../src/messaging/amqp.ts';
import { Consumers } from '../../src/messaging/consumers.ts';
import { dialectOf } from '../../src/messaging/dialects.ts';
import type { TopologyAdmin } from '../../src/messaging/topology.ts';
import { eventually } from '../support/eventually.ts';

interface State {
  readonly messages: number;
  readonly consumers: number;
}

/** Consumers of a classic queue and a stream at a broker that tells these states of them, with the looks at each. */
async function watched(t: TestContext, version: string, states: Record<string, State | undefined>) {
  const looks: Record<string, number> = {};
  const lost: string[] = [];
  const admin: TopologyAdmin = {
    declareExchange: async () => {},
    declareQueue: async () => {},
    bind: async () => {},
    deleteQueue: async () => {},
    inspect: async (name) => {
      looks[name] = (looks[name] ?? 0) + 1;
      return states[name];
    },
  };
  const link = { credit: 0, grant: () => {}, end: () => {} };
  const connection = { openReceiver: async () => link, drop: () => {} } as Partial<AmqpConnection> as AmqpConnection;
  const queue = (name: string, type: string) => ({
    ...{ name, durable: true, autoDelete: false },
    arguments: { 'x-queue-type': type },
  });
  const topology = { exchanges: [], queues: [queue('plain', 'classic'), queue('stream', 'stream')], bindings: [] };
  const events = { opened: () => {}, message: () => {}, lost: ({ name }: { name: string }) => void lost.push(name) };
  const consumers = new Consumers(topology, ['plain', 'stream'], events, silent);
  t.after(() => consumers.close([]));
  const dialect = { ...dialectOf({ product: 'RabbitMQ', version }), watchEvery: 1 };
  await consumers.raise({ connection, dialect, admin });
  return { looks, lost };
}

for (const version of ['3.10', '4.0']) {
  test(`RabbitMQ ${version} counts nobody who reads a stream: that is no loss, but that the stream is gone [M-11, M-47]`, async (t) => {
    const states: Record<string, State | undefined> = {
      plain: { messages: 0, consumers: 1 },
      stream: { messages: 7, consumers: 0 },
    };
    const { looks, lost } = await watched(t, version, states);
    await eventually('it looked several times', () => (looks['stream'] ?? 0) > 5);
    assert.equal(lost.length, 0);

    states['stream'] = undefined;
    await eventually('the loss of the stream is noticed', () => lost[0] === 'stream');
    states['plain'] = { messages: 0, consumers: 0 };
    await eventually('the loss of the consumer is noticed', () => lost.includes('plain'));
  });
}
