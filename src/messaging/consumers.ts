import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { AmqpFailure, type Incoming, type ReceiverLink } from './amqp.ts';
import { declareAll, type Topology } from './topology.ts';
import type { Attachment, Live } from './transport.ts';

export interface ConsumerEvents {
  /** A queue is consumed, for the first time or again. Nothing comes until credit is granted. */
  opened(queue: OpenQueue): void;
  message(message: Incoming, queue: OpenQueue): void;
  /** The session ended unasked: what came by it and is not settled comes again. */
  lost(queue: OpenQueue, reason: Error): void;
}

/** One consumed queue while its session lasts. */
export class OpenQueue {
  readonly name: string;
  readonly #since = performance.now();
  #link: ReceiverLink | undefined;
  #seen: readonly [number, number] = [1, 1];

  constructor(name: string) {
    this.name = name;
  }

  /** Messages that may still come. */
  get credit(): number {
    return this.#link?.credit ?? 0;
  }

  /** Milliseconds since it was opened. */
  get age(): number {
    return performance.now() - this.#since;
  }

  /** Consumers that its queue is known to have: a session of ours that has just ended may be seen once among them. */
  get consumers(): number {
    return Math.min(...this.#seen);
  }

  /** The broker was asked how many consumers the queue has. */
  note(consumers: number): void {
    this.#seen = [this.#seen[1], consumers];
  }

  grant(credit: number): void {
    this.#link?.grant(credit);
  }

  bind(link: ReceiverLink): void {
    this.#link = link;
  }

  end(): void {
    this.#link?.end();
  }
}

/** A queue that stood this long may be lost again without its connection being blamed (M-44). */
const longEnough = 10_000;

/**
 * Consumes queues over whatever connection there is: declares what they need, opens each in a session of its own, and
 * opens again what is lost.
 */
export class Consumers implements Attachment {
  readonly #topology: Topology;
  readonly #queues: readonly string[];
  readonly #events: ConsumerEvents;
  readonly #logger: Logger;
  readonly #open = new Map<string, OpenQueue>();
  readonly #opening = new Set<string>();
  #live: Live | undefined;
  #paused = false;
  #losses = 0;
  #looking = false;
  #watch: NodeJS.Timeout | undefined;

  constructor(topology: Topology, queues: readonly string[], events: ConsumerEvents, logger: Logger) {
    this.#topology = topology;
    this.#queues = queues;
    this.#events = events;
    this.#logger = logger;
  }

  /** Whether every queue is consumed. */
  get standing(): boolean {
    return this.#open.size === this.#queues.length;
  }

  /** The queues that are consumed now. */
  get open(): readonly OpenQueue[] {
    return [...this.#open.values()];
  }

  async raise(live: Live): Promise<void> {
    this.#live = live;
    this.#losses = 0;
    await declareAll(live.admin, this.#topology, this.#logger);
    if (this.#live !== live) return;
    this.#watch = setInterval(() => void this.#look(live), live.dialect.watchEvery);
    if (!this.#paused) await Promise.all(this.#queues.map((name) => this.#consume(live, name)));
  }

  lower(reason: Error): void {
    this.#live = undefined;
    clearInterval(this.#watch);
    for (const queue of this.#takeAll()) this.#events.lost(queue, reason);
  }

  /** Ends the sessions in this very turn: what is not settled is back on its queues. */
  pause(): void {
    this.#paused = true;
    for (const queue of this.#takeAll()) queue.end();
  }

  /** Consumes again. Resolves when the queues stand, or when there is no connection to consume by. */
  async resume(): Promise<void> {
    this.#paused = false;
    const live = this.#live;
    if (live !== undefined) await this.#reopen(live, this.#queues);
  }

  /** Ends the session of one queue and opens it again: its unsettled messages come anew. */
  renew(queue: OpenQueue): void {
    if (this.#open.get(queue.name) !== queue) return;
    this.#open.delete(queue.name);
    queue.end();
    if (this.#live !== undefined) void this.#reopen(this.#live, [queue.name]);
  }

  /** Stops for good, and deletes the queues that only this process had (M-15). */
  async close(own: readonly string[]): Promise<void> {
    const live = this.#live;
    this.pause();
    this.lower(new Error('closed'));
    if (live === undefined) return;
    const deleted = await Promise.allSettled(own.map((queue) => live.admin.deleteQueue(queue)));
    for (const result of deleted) {
      if (result.status === 'rejected') this.#logger.debug('A queue was left behind: %s', messageOf(result.reason));
    }
  }

  #takeAll(): OpenQueue[] {
    const queues = [...this.#open.values()];
    this.#open.clear();
    return queues;
  }

  async #consume(live: Live, name: string): Promise<void> {
    if (this.#open.has(name) || this.#opening.has(name)) return;
    this.#opening.add(name);
    try {
      const queue = new OpenQueue(name);
      const link = await live.connection.openReceiver(live.dialect.source(name), {
        message: (message) => this.#events.message(message, queue),
        ended: (reason) => this.#lost(live, queue, reason),
      });
      queue.bind(link);
      if (this.#paused || this.#live !== live) return queue.end();
      this.#open.set(name, queue);
      this.#events.opened(queue);
    } finally {
      this.#opening.delete(name);
    }
  }

  #lost(live: Live, queue: OpenQueue, reason: AmqpFailure, usual: 'info' | 'warning' = 'warning'): void {
    if (this.#open.get(queue.name) !== queue || this.#live !== live) return;
    this.#open.delete(queue.name);
    queue.end();
    // What is unsettled too long is a fault of ours; anything else is the broker's business.
    const level = /delivery acknowledgement/.test(reason.message) ? 'error' : usual;
    this.#logger[level]('The consumer of queue %s was lost: %s. It is opened again', queue.name, reason.message);
    this.#events.lost(queue, reason);
    if (queue.age > longEnough) this.#losses = 0;
    if (this.#blames(live, [queue.name], reason)) return;
    void this.#reopen(live, [queue.name]);
  }

  async #reopen(live: Live, names: readonly string[]): Promise<void> {
    while (this.#live === live && !this.#paused) {
      try {
        await declareAll(live.admin, this.#topology, this.#logger);
        await Promise.all(names.map((name) => this.#consume(live, name)));
        return;
      } catch (error) {
        if (this.#live !== live || this.#blames(live, names, error)) return;
      }
    }
  }

  /** One more loss: three in a row are the connection's fault, and end it (M-44). */
  #blames(live: Live, names: readonly string[], error: unknown): boolean {
    this.#losses += 1;
    if (this.#losses < 3) return false;
    const text = `${names.join(', ')} cannot be consumed: ${messageOf(error)}`;
    live.connection.drop(new AmqpFailure(text, undefined, { cause: error }));
    return true;
  }

  /**
   * What a broker does not tell (M-47): bindings that somebody removed are made again, which changes nothing where they are
   * there; a queue that is gone, or that has fewer consumers than before, is opened again.
   */
  async #look(live: Live): Promise<void> {
    if (this.#looking || this.#live !== live) return;
    this.#looking = true;
    try {
      if (!live.dialect.routes) await Promise.all(this.open.map((queue) => this.#lookAt(live, queue)));
      await Promise.all(this.#topology.bindings.map((binding) => live.admin.bind(binding)));
    } catch (error) {
      if (this.#live !== live) return;
      this.#logger.warning('Not every binding could be made again, all is declared anew: %s', messageOf(error));
      const declared = declareAll(live.admin, this.#topology, this.#logger);
      await declared.catch((failure: unknown) => live.connection.drop(new AmqpFailure(messageOf(failure))));
    } finally {
      this.#looking = false;
    }
  }

  /** Where nobody tells of a deleted queue it may have been made again by another of its consumers: then one is missing. */
  async #lookAt(live: Live, queue: OpenQueue): Promise<void> {
    const state = await live.admin.inspect(queue.name);
    // Whoever reads a stream is not counted: there it must do that the queue exists.
    if (state !== undefined && this.#isStream(queue)) return;
    const expected = live.dialect.isSilent ? queue.consumers : 1;
    if (state !== undefined && state.consumers >= expected) {
      queue.note(state.consumers);
      return;
    }
    const left = state?.consumers ?? 0;
    const reason = state === undefined ? 'it is gone' : `it has ${left} consumers, and had ${queue.consumers}`;
    this.#lost(live, queue, new AmqpFailure(reason), left > 0 ? 'info' : 'warning');
  }

  #isStream({ name }: OpenQueue): boolean {
    return this.#topology.queues.some((queue) => queue.name === name && queue.arguments['x-queue-type'] === 'stream');
  }
}
