import { setImmediate as turn } from 'node:timers/promises';
import { silent } from '../../src/base/log.ts';
import type { Incoming } from '../../src/messaging/amqp.ts';
import { Consumers, type OpenQueue } from '../../src/messaging/consumers.ts';
import type { Topology } from '../../src/messaging/topology.ts';
import type { Transport } from '../../src/messaging/transport.ts';
import { eventually } from './eventually.ts';

/** A consumer by hand: what came, in order, and its settlement in the hands of the test. */
export class Listener {
  readonly messages: Incoming[] = [];
  readonly losses: string[] = [];
  readonly consumers: Consumers;
  opened = 0;
  #queue: OpenQueue | undefined;

  /** Declares `topology` and consumes `queue`; grants `credit` whenever the queue is opened. */
  static async on(
    transport: Transport,
    topology: Topology,
    queue: string,
    credit = 100,
    onMessage: (message: Incoming) => void = () => {},
  ): Promise<Listener> {
    const listener = new Listener(topology, queue, credit, onMessage);
    await transport.attach(listener.consumers);
    return listener;
  }

  constructor(topology: Topology, queue: string, credit: number, onMessage: (message: Incoming) => void) {
    const events = {
      opened: (open: OpenQueue) => {
        this.opened += 1;
        this.#queue = open;
        open.grant(credit);
      },
      message: (message: Incoming) => {
        this.messages.push(message);
        onMessage(message);
      },
      lost: (open: OpenQueue) => this.losses.push(open.name),
    };
    this.consumers = new Consumers(topology, [queue], events, silent);
  }

  get texts(): string[] {
    return this.messages.map(({ body }) => body.toString());
  }

  /** Waits for so many messages, and a little longer, so that one too many would be seen. */
  async have(count: number): Promise<Incoming[]> {
    await eventually(`${count} messages, have ${this.messages.length}`, () => this.messages.length >= count);
    for (let turns = 0; turns < 20; turns++) await turn();
    return this.messages;
  }

  grant(credit: number): void {
    this.#queue?.grant(credit);
  }
}

/** A queue bound to the control exchange under its own name. */
export function aQueue(name: string, args: Readonly<Record<string, number>> = {}): Topology {
  return {
    exchanges: [{ name: 'openstack', type: 'topic', durable: false, autoDelete: false }],
    queues: [{ name, durable: false, autoDelete: false, arguments: args }],
    bindings: [{ exchange: 'openstack', key: name, queue: name }],
  };
}

/** A queue of a fan-out exchange. */
export function aFanoutQueue(exchange: string, name: string): Topology {
  return {
    exchanges: [{ name: exchange, type: 'fanout', durable: false, autoDelete: true }],
    queues: [{ name, durable: false, autoDelete: false, arguments: { 'x-expires': 1_800_000 } }],
    bindings: [{ exchange, key: '', queue: name }],
  };
}
