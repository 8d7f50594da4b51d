import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { abortable } from '../base/abortable.ts';
import { messageOf } from '../base/errors.ts';
import type { Logger, Logs } from '../base/log.ts';
import { Backoff } from '../base/retry.ts';
import { type AmqpConnection, AmqpFailure, type Dial } from './amqp.ts';
import { dial } from './amqp1.ts';
import { type BrokerAddress, type ConnectionPlan, connectionPlan, type TransportSettings } from './connection-plan.ts';
import { type Dialect, dialectOf } from './dialects.ts';
import { explain, Outage } from './outage.ts';
import { type Publication, type Published, Publisher, type Terms } from './publisher.ts';
import { exchangeOf, type TopologyAdmin } from './topology.ts';

/** A connection while it lasts. */
export interface Live {
  readonly connection: AmqpConnection;
  readonly dialect: Dialect;
  readonly admin: TopologyAdmin;
}

/** Something that is to stand on whatever connection there is. */
export interface Attachment {
  /** A connection is there. Rejecting gives it up: the next one is tried after a pause. */
  raise(live: Live): Promise<void>;
  /** The connection is gone. Called also when `raise` failed. */
  lower(reason: Error): void;
}

/** What happens to the connection; `up` comes when everything attached stands on it. */
export type TransportEvent =
  | { readonly type: 'up'; readonly broker: string; readonly product: string; readonly version: string }
  | { readonly type: 'down'; readonly reason: string };

/** From the first byte to everything standing takes no longer (M-45). */
const patience = 30_000;

/** Queues that were asked for, before all are forgotten. */
const mostKnownQueues = 1000;

interface Raised {
  readonly attachment: Attachment;
  readonly standing: () => void;
}

/**
 * Connects to the broker and resolves when that stands. From then on it supervises itself: what is lost comes back, on
 * this host or the next, for ever. Rejects when `signal` aborts first; the cause is what was wrong last.
 */
export async function openTransport(settings: TransportSettings, signal: AbortSignal): Promise<Transport> {
  signal.throwIfAborted();
  const transport = new Transport(settings);
  try {
    await abortable(transport.connectedOnce, signal);
    return transport;
  } catch {
    const cause = transport.trouble ?? signal.reason;
    await transport.close();
    throw new Error('not connected to the broker', { cause });
  }
}

/** One supervised connection to the message broker, and what is published over it (messaging.md §6). */
export class Transport implements AsyncDisposable {
  readonly connectedOnce: Promise<void>;
  readonly #settings: TransportSettings;
  readonly #logger: Logger;
  readonly #name: string;
  readonly #stop = new AbortController();
  readonly #records: Raised[] = [];
  readonly #listeners = new Set<(event: TransportEvent) => void>();
  readonly #publisher: Publisher;
  readonly #outage: Outage;
  #connected: () => void = () => {};
  #live: Live | undefined;
  #isUp = false;
  #knownQueues = new Set<string>();
  #connections = 0;
  #loop: Promise<void>;
  #closing: Promise<void> | undefined;

  /** Begins to connect. */
  constructor(settings: TransportSettings) {
    this.#settings = settings;
    this.#name = `${settings.program}:${process.pid}:${randomUUID()}`;
    this.#logger = loggerOf(settings.logs);
    this.#outage = new Outage(this.#logger, this.#name);
    const needs = {
      declareExchange: (exchange: string) => this.#declareExchange(exchange),
      hasQueue: (queue: string) => this.#hasQueue(queue),
    };
    this.#publisher = new Publisher(needs, settings.responseTimeout * 1000);
    this.connectedOnce = new Promise((resolve) => {
      this.#connected = resolve;
    });
    this.#loop = this.#run(connectionPlan(settings, this.#logger));
  }

  get connected(): boolean {
    return this.#isUp;
  }

  /** Why there is no connection; undefined while there is one. */
  get trouble(): Error | undefined {
    return this.#outage.reason;
  }

  /** Whether the broker only routes: then outcomes are those of the receivers (M-63). */
  get routes(): boolean {
    return this.#live?.dialect.routes ?? false;
  }

  /** Calls `listener` at each change, until the function that is returned is called. */
  onEvent(listener: (event: TransportEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when the attachment stands for the first time. It is raised again on every later connection. */
  attach(attachment: Attachment): Promise<void> {
    return new Promise((resolve) => {
      const record = { attachment, standing: resolve };
      this.#records.push(record);
      const live = this.#live;
      if (live !== undefined) {
        void this.#raise(record, live).catch((error: unknown) => live.connection.drop(asFailure(error)));
      }
    });
  }

  /** Nothing is raised for the attachment any more; what it holds it ends itself. */
  detach(attachment: Attachment): void {
    const index = this.#records.findIndex((record) => record.attachment === attachment);
    if (index >= 0) this.#records.splice(index, 1);
  }

  /** Publishes a message; never rejects. What is under way when the connection is lost follows `terms`. */
  publish(publication: Publication, terms: Terms): Promise<Published> {
    return this.#publisher.publish(publication, terms);
  }

  /** Messages that wait in a queue of the broker; undefined when there is no such queue. Rejects without a connection. */
  async depth(queue: string): Promise<number | undefined> {
    if (this.#live === undefined) throw new AmqpFailure('no connection to the broker');
    return (await this.#live.admin.inspect(queue))?.messages;
  }

  /** Waits `grace` milliseconds at most for what is being published, then disconnects. May be called twice. */
  close(grace = 1000): Promise<void> {
    this.#closing ??= this.#close(grace);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(grace: number): Promise<void> {
    if (this.#isUp) await this.#publisher.flush(grace);
    this.#stop.abort();
    await this.#live?.connection.close();
    await this.#loop;
    this.#publisher.close('the transport was closed');
  }

  async #run({ rotation, retry, tls }: ConnectionPlan): Promise<void> {
    const { signal } = this.#stop;
    const backoff = new Backoff(retry);
    while (!signal.aborted) {
      const broker = rotation.next();
      const reason = await this.#connect(broker, tls, backoff).catch((error: unknown) => error);
      if (signal.aborted) return;
      const wait = backoff.next();
      this.#outage.note(explain(reason, broker), broker, wait);
      await sleep(wait, undefined, { signal }).catch(() => {});
    }
  }

  /** Connects, and resolves with the reason when that connection has ended. Rejects when it never stood. */
  async #connect(
    broker: BrokerAddress,
    tls: ReturnType<typeof connectionPlan>['tls'],
    backoff: Backoff,
  ): Promise<Error> {
    const { virtualHost, idleTimeout, external } = this.#settings;
    this.#logger.debug('[%s] Connecting to AMQP server on %s:%s', this.#name, broker.host, broker.port);
    const options: Dial = { ...broker, tls, virtualHost, idleTimeout, external, name: this.#name };
    const connection = await dial(options, this.#stop.signal);
    const late = setTimeout(() => connection.drop(new AmqpFailure('not ready within 30 seconds')), patience);
    // A close finds no live connection before everything is raised on it: then this ends it.
    const { signal } = this.#stop;
    const onStop = (): void => void connection.close();
    signal.addEventListener('abort', onStop, { once: true });
    if (signal.aborted) onStop();
    try {
      const dialect = dialectOf(connection);
      const admin = await dialect.openTopology(connection, options);
      await this.#raiseAll({ connection, dialect, admin });
      clearTimeout(late);
      backoff.reset();
      this.#up(connection, broker);
      const reason = await connection.down;
      return reason;
    } finally {
      clearTimeout(late);
      signal.removeEventListener('abort', onStop);
      await this.#down(connection);
    }
  }

  /** Topology and receivers first, the sender last (M-14). */
  async #raiseAll(live: Live): Promise<void> {
    this.#connections += 1;
    this.#knownQueues = new Set();
    for (const record of this.#records) await this.#raise(record, live);
    this.#live = live;
    await this.#raiseSender(live);
  }

  async #raise({ attachment, standing }: Raised, live: Live): Promise<void> {
    await attachment.raise(live);
    standing();
  }

  /** Opens the sender, and again when it is lost while its connection lives; the third loss in a row ends that (M-44). */
  async #raiseSender(live: Live, losses = 0): Promise<void> {
    const since = performance.now();
    const link = await live.dialect.openSender(live.connection, {
      room: () => this.#publisher.pump(),
      ended: (reason) => {
        this.#publisher.detach(reason.message);
        const inARow = performance.now() - since > 10_000 ? 0 : losses + 1;
        if (inARow >= 3) return live.connection.drop(reason);
        this.#logger.warning('The sender was lost: %s. It is opened again', reason.message);
        this.#raiseSender(live, inARow).catch((error: unknown) => live.connection.drop(asFailure(error)));
      },
    });
    this.#publisher.attach(link, live.dialect, this.#connections > 1);
  }

  #up({ product, version, localPort }: AmqpConnection, { host, port }: BrokerAddress): void {
    this.#isUp = true;
    this.#outage.over(host, port, localPort);
    this.#connected();
    this.#emit({ type: 'up', broker: `${host}:${port}`, product, version });
  }

  async #down(connection: AmqpConnection): Promise<void> {
    const wasUp = this.#isUp;
    this.#live = undefined;
    this.#isUp = false;
    await connection.close();
    const reason = await connection.down;
    this.#publisher.detach(reason.message);
    for (const { attachment } of this.#records) attachment.lower(reason);
    if (wasUp) this.#emit({ type: 'down', reason: reason.message });
  }

  async #declareExchange(name: string): Promise<void> {
    const { controlExchange, topology } = this.#settings;
    if (this.#live === undefined) throw new AmqpFailure('no connection to the broker');
    await this.#live.admin.declareExchange(exchangeOf(name, controlExchange, topology));
  }

  /** Asked once over each connection: what is there then is taken to stay (M-54). */
  async #hasQueue(name: string): Promise<boolean> {
    const live = this.#live;
    if (live === undefined) throw new AmqpFailure('no connection to the broker');
    const known = this.#knownQueues;
    if (known.has(name)) return true;
    const there = (await live.admin.inspect(name)) !== undefined;
    if (there) known.add(name);
    if (known.size > mostKnownQueues) known.clear();
    return there;
  }

  #emit(event: TransportEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}

function loggerOf(logs: Logs): Logger {
  return logs('oslo.messaging._drivers.impl_rabbit');
}

function asFailure(error: unknown): AmqpFailure {
  return error instanceof AmqpFailure ? error : new AmqpFailure(messageOf(error), undefined, { cause: error });
}
