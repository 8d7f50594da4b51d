import { addressOf } from './addresses.ts';
import { Exchange, type ExchangeSettings } from './exchange.ts';
import { type Origin, type Outcome, shared } from './outcome.ts';
import { type Label, Parcel } from './parcel.ts';
import { Queue, type QueueLimits, type QueueSettings } from './queue.ts';

/** What a declaration met. */
export type Declared =
  | { readonly result: 'created' | 'present' }
  | { readonly result: 'conflict'; readonly text: string };

/** Exchanges and queues, and the way of a message through them. */
export class Router {
  readonly #exchanges = new Map<string, Exchange>();
  readonly #queues = new Map<string, Queue>();
  readonly #limits: QueueLimits;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  queue(name: string): Queue | undefined {
    return this.#queues.get(name);
  }

  hasExchange(name: string): boolean {
    return this.#exchanges.has(name);
  }

  declareExchange(name: string, settings: ExchangeSettings): Declared {
    const present = this.#exchanges.get(name)?.settings;
    if (present !== undefined) return compared(`exchange '${name}'`, present, settings);
    this.#exchanges.set(name, new Exchange(settings));
    return { result: 'created' };
  }

  declareQueue(name: string, settings: QueueSettings): Declared {
    const present = this.#queues.get(name);
    if (present !== undefined) {
      present.touch();
      return compared(`queue '${name}'`, flat(present.settings), flat(settings));
    }
    this.#queues.set(name, new Queue(name, settings, this.#limits, () => this.deleteQueue(name)));
    return { result: 'created' };
  }

  /** False when one of the two is missing. */
  bind(exchange: string, key: string, queue: string): boolean {
    const from = this.#exchanges.get(exchange);
    const to = this.#queues.get(queue);
    if (from === undefined || to === undefined) return false;
    from.bind(key, to);
    return true;
  }

  /** How many messages waited in the queue; deleting what is absent is no failure. */
  deleteQueue(name: string): number {
    const queue = this.#queues.get(name);
    if (queue === undefined) return 0;
    this.#queues.delete(name);
    for (const [from, exchange] of this.#exchanges) if (exchange.unbind(queue)) this.#exchanges.delete(from);
    const { depth } = queue;
    queue.close();
    return depth;
  }

  deleteExchange(name: string): void {
    this.#exchanges.delete(name);
  }

  /** Senders have left: what they sent and nobody took is theirs again. */
  sweep(): void {
    for (const queue of this.#queues.values()) queue.sweep();
  }

  close(): void {
    for (const queue of this.#queues.values()) queue.close();
    this.#queues.clear();
    this.#exchanges.clear();
  }

  /** Sends a message on its way. Its origin learns what became of it, now or when a receiver has said so (M-63). */
  route(target: string | undefined, bytes: Buffer, label: Label, origin: Origin): void {
    const address = addressOf(target ?? label.to ?? '');
    if (address === undefined) {
      origin.settle(rejected('amqp:precondition-failed', `'${target ?? label.to ?? ''}' is no v2 address`));
      return;
    }
    if (address.kind === 'queue') {
      const queue = this.#queues.get(address.queue);
      if (queue === undefined) origin.settle({ verb: 'release' });
      else put(queue, new Parcel(bytes, label, origin));
      return;
    }
    const exchange = this.#exchanges.get(address.exchange);
    if (exchange === undefined) {
      origin.settle(rejected('amqp:not-found', `no exchange '${address.exchange}'`));
      return;
    }
    const queues = exchange.queuesFor(address.key);
    if (exchange.settings.kind === 'fanout') this.#copyToAll(queues, bytes, label, origin);
    else this.#giveToEach(queues, bytes, label, origin);
  }

  /** A fan-out is for whoever is there: accepted at once, and copied to the queues that somebody listens to. */
  #copyToAll(queues: ReadonlySet<Queue>, bytes: Buffer, label: Label, origin: Origin): void {
    for (const queue of queues) {
      if (queue.consumerCount > 0) queue.offer(new Parcel(bytes, label, undefined));
    }
    origin.settle({ verb: queues.size > 0 ? 'accept' : 'release' });
  }

  #giveToEach(queues: ReadonlySet<Queue>, bytes: Buffer, label: Label, origin: Origin): void {
    if (queues.size === 0) origin.settle({ verb: 'release' });
    const share = queues.size > 1 ? shared(origin, queues.size) : origin;
    for (const queue of queues) put(queue, new Parcel(bytes, label, share));
  }
}

function put(queue: Queue, parcel: Parcel): void {
  if (!queue.offer(parcel)) {
    parcel.origin?.settle(rejected('amqp:resource-limit-exceeded', `queue ${queue.name} is full`));
  }
}

function rejected(condition: string, description: string): Outcome {
  return { verb: 'reject', condition, description };
}

function flat({ arguments: extra, ...settings }: QueueSettings): Record<string, unknown> {
  return { ...settings, ...extra };
}

/** What is there against what is asked for, in RabbitMQ's words, which clients look for. */
function compared(what: string, present: object, asked: object): Declared {
  const before = new Map(Object.entries(present));
  for (const [key, value] of Object.entries(asked)) {
    if (before.get(key) !== value) {
      const text = `inequivalent arg '${key}' for ${what}: received '${value}' but current is '${before.get(key)}'`;
      return { result: 'conflict', text };
    }
    before.delete(key);
  }
  const [left] = before.keys();
  if (left === undefined) return { result: 'present' };
  return { result: 'conflict', text: `inequivalent arg '${left}' for ${what}: received none` };
}
