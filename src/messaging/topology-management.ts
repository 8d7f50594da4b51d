import { type AmqpConnection, AmqpFailure, type PairLink } from './amqp.ts';
import { type TopologyAdmin, TopologyRefused } from './topology.ts';

/** The most that a request to `/management` may take. */
const patience = 10_000;

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

interface Waiter {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (reason: AmqpFailure) => void;
  readonly late: NodeJS.Timeout;
}

/** Topology by requests to the `/management` node of RabbitMQ 4 and of the embedded broker (messaging.md §2.2). */
export async function openManagement(connection: AmqpConnection): Promise<TopologyAdmin> {
  const waiters = new Map<string, Waiter>();
  let over: AmqpFailure | undefined;
  let count = 0;
  const settle = (id: string, end: (waiter: Waiter) => void): void => {
    const waiter = waiters.get(id);
    if (waiter === undefined) return;
    waiters.delete(id);
    clearTimeout(waiter.late);
    end(waiter);
  };
  const link: PairLink = await connection.openPair('/management', {
    message: ({ id, subject, body }) => settle(String(id), ({ resolve }) => resolve({ status: Number(subject), body })),
    // Without it nothing can be declared or mended any more: the connection is worth nothing.
    ended: (reason) => connection.drop(reason),
  });
  void connection.down.then((reason) => {
    over = reason;
    for (const id of [...waiters.keys()]) settle(id, ({ reject }) => reject(reason));
  });

  const request = (verb: string, to: string, body: unknown = null): Promise<Answer> =>
    new Promise((resolve, reject) => {
      if (over !== undefined) return reject(over);
      const id = String(++count);
      const fail = (): void => settle(id, () => reject(new AmqpFailure(`no answer to ${verb} ${to}`)));
      waiters.set(id, { resolve, reject, late: setTimeout(fail, patience) });
      link.send({ message_id: id, to, subject: verb, reply_to: '$me', body });
    });
  const demand = async (what: string, verb: string, to: string, body?: unknown): Promise<void> => {
    const answer = await request(verb, to, body);
    if (answer.status >= 300) throw new TopologyRefused(what, `${answer.status} ${String(answer.body ?? '')}`.trim());
  };

  return {
    declareExchange: ({ name, type, durable, autoDelete }) =>
      demand(`exchange ${name}`, 'PUT', `/exchanges/${encodeSegment(name)}`, {
        durable,
        auto_delete: autoDelete,
        type,
        internal: false,
        arguments: {},
      }),
    declareQueue: ({ name, durable, autoDelete, arguments: args }) =>
      demand(`queue ${name}`, 'PUT', `/queues/${encodeSegment(name)}`, {
        durable,
        auto_delete: autoDelete,
        exclusive: false,
        arguments: args,
      }),
    bind: ({ exchange, key, queue }) =>
      demand(`binding ${key} of queue ${queue} to exchange ${exchange}`, 'POST', '/bindings', {
        source: exchange,
        binding_key: key,
        destination_queue: queue,
        arguments: {},
      }),
    inspect: async (queue) => {
      const { status, body } = await request('GET', `/queues/${encodeSegment(queue)}`);
      if (status === 404) return undefined;
      const { message_count: messages, consumer_count: consumers } = (body ?? {}) as Record<string, unknown>;
      return { messages: Number(messages ?? 0), consumers: Number(consumers ?? 0) };
    },
    deleteQueue: (queue) => demand(`the deletion of queue ${queue}`, 'DELETE', `/queues/${encodeSegment(queue)}`),
  };
}

/** One segment of a v2 address: everything but unreserved characters by percent signs. */
export function encodeSegment(name: string): string {
  return encodeURIComponent(name).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
