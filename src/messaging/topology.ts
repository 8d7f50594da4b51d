import { hostname } from 'node:os';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { fanoutExchange, type RpcServerName } from './addressing.ts';
import { hexId } from './envelope.ts';
import type { RabbitValues } from './options.ts';

export interface ExchangeDeclaration {
  readonly name: string;
  readonly type: 'topic' | 'fanout';
  readonly durable: boolean;
  readonly autoDelete: boolean;
}

interface QueueDeclaration {
  readonly name: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly arguments: Readonly<Record<string, string | number>>;
}

interface Binding {
  readonly exchange: string;
  readonly key: string;
  readonly queue: string;
}

/** What is to be there before anybody consumes or sends (M-14). */
export interface Topology {
  readonly exchanges: readonly ExchangeDeclaration[];
  readonly queues: readonly QueueDeclaration[];
  readonly bindings: readonly Binding[];
}

/** What a broker says of a queue. */
interface QueueState {
  /** Messages that wait. */
  readonly messages: number;
  /** Always 0 of a stream. */
  readonly consumers: number;
}

/** Makes exchanges, queues and bindings on a broker. Repeating a declaration changes nothing. */
export interface TopologyAdmin {
  /** Rejects with TopologyRefused when one of that name is there with other settings. */
  declareExchange(exchange: ExchangeDeclaration): Promise<void>;
  declareQueue(queue: QueueDeclaration): Promise<void>;
  /** Rejects with TopologyRefused when the queue or the exchange is missing. */
  bind(binding: Binding): Promise<void>;
  /** Undefined when there is no such queue. */
  inspect(queue: string): Promise<QueueState | undefined>;
  deleteQueue(queue: string): Promise<void>;
}

/** The broker refused a declaration. */
export class TopologyRefused extends Error {
  constructor(what: string, reason: string) {
    super(`the broker refused ${what}: ${reason}${remedyFor(reason)}`);
    this.name = 'TopologyRefused';
  }
}

/** The options that decide how things are declared; peers must have the same ones (M-11). */
export type TopologyOptions = Pick<
  RabbitValues,
  | 'amqp_durable_queues'
  | 'amqp_auto_delete'
  | 'rabbit_ha_queues'
  | 'rabbit_quorum_queue'
  | 'rabbit_transient_quorum_queue'
  | 'rabbit_quorum_delivery_limit'
  | 'rabbit_quorum_max_memory_length'
  | 'rabbit_quorum_max_memory_bytes'
  | 'rabbit_transient_queues_ttl'
  | 'rabbit_stream_fanout'
  | 'use_queue_manager'
  | 'hostname'
  | 'processname'
>;

/** What RPC servers listen on: each queue once, and which of them are this process's own (M-10, messaging.md §2.1). */
export interface ServerTopology extends Topology {
  readonly consumed: readonly string[];
  /** Queues that go with an orderly stop (M-15); those that keep their names stay for the next process. */
  readonly own: readonly string[];
}

/** `instance` tells this process from its neighbours where queues keep their names: the backend, for a worker. */
export function serverTopology(
  servers: readonly RpcServerName[],
  controlExchange: string,
  options: TopologyOptions,
  instance: string,
): ServerTopology {
  const topics = [...new Set(servers.map(({ topic }) => topic))];
  const names = [...new Set(servers.flatMap(({ topic, server }) => [topic, `${topic}.${server}`]))];
  const fanouts = topics.map((topic) => ({ topic, queue: fanoutQueueName(topic, options, instance) }));
  const temporary = !options.use_queue_manager && !options.rabbit_stream_fanout;
  return {
    exchanges: [
      controlExchangeDeclaration(controlExchange, options),
      ...topics.map((topic) => fanoutDeclaration(topic, options)),
    ],
    queues: [
      ...names.map((name) => topicQueue(name, options)),
      ...fanouts.map(({ queue }) => fanoutQueue(queue, options)),
    ],
    bindings: [
      ...names.map((name) => ({ exchange: controlExchange, key: name, queue: name })),
      ...fanouts.map(({ topic, queue }) => ({ exchange: fanoutExchange(topic), key: topic, queue })),
    ],
    consumed: [...names, ...fanouts.map(({ queue }) => queue)],
    own: temporary ? fanouts.map(({ queue }) => queue) : [],
  };
}

/** The queue that answers to calls of ours come to (M-58). */
export function replyTopology(
  options: TopologyOptions,
  instance: string,
): Pick<ServerTopology, keyof Topology | 'own'> & { readonly queue: string } {
  const queue = `reply_${uniquePart(options, instance)}`;
  const quorum = options.rabbit_transient_quorum_queue;
  const declaration = { name: queue, durable: quorum, autoDelete: false, arguments: transientArguments(options) };
  return { queue, exchanges: [], queues: [declaration], bindings: [], own: options.use_queue_manager ? [] : [queue] };
}

/** A queue for each notification topic, so that nothing is lost before somebody listens. */
export function notificationTopology(
  topics: readonly string[],
  controlExchange: string,
  options: TopologyOptions,
): Topology {
  const names = topics.map((topic) => `${topic}.info`);
  return {
    exchanges: [controlExchangeDeclaration(controlExchange, options)],
    queues: names.map((name) => topicQueue(name, options)),
    bindings: names.map((name) => ({ exchange: controlExchange, key: name, queue: name })),
  };
}

/** The exchange of a destination, as whoever listens there declares it. */
export function exchangeOf(name: string, controlExchange: string, options: TopologyOptions): ExchangeDeclaration {
  if (name === controlExchange) return controlExchangeDeclaration(name, options);
  return fanoutDeclaration(name.replace(/_fanout$/, ''), options);
}

/**
 * Declares everything: exchanges, then queues, then bindings (M-14). Where peers made it transient and we ask for durable,
 * theirs is taken, with a WARNING (M-12); a transient queue that is dead is replaced. Rejects with TopologyRefused.
 */
export async function declareAll(admin: TopologyAdmin, topology: Topology, logger: Logger): Promise<void> {
  const yielding = async <T extends { durable: boolean; name: string }>(
    declaration: T,
    declare: (declaration: T) => Promise<void>,
  ): Promise<void> => {
    try {
      await declare(declaration);
    } catch (error) {
      if (!declaration.durable || !/inequivalent arg 'durable'/.test(messageOf(error))) throw error;
      logger.warning('%s exists and is not durable, although amqp_durable_queues asks for it', declaration.name);
      await declare({ ...declaration, durable: false });
    }
  };
  await Promise.all(topology.exchanges.map((exchange) => yielding(exchange, (each) => admin.declareExchange(each))));
  await Promise.all(topology.queues.map((queue) => yielding(queue, (each) => declareLive(admin, each, logger))));
  await Promise.all(topology.bindings.map((binding) => admin.bind(binding)));
}

/**
 * A transient queue that was declared while its virtual host was being deleted has no process when that is made again, and
 * never gets one: RabbitMQ 4.0 refuses its name until it is deleted. Durable queues are recovered with their messages.
 */
async function declareLive(admin: TopologyAdmin, queue: QueueDeclaration, logger: Logger): Promise<void> {
  try {
    await admin.declareQueue(queue);
  } catch (error) {
    if (queue.durable || !/process is stopped/.test(messageOf(error))) throw error;
    logger.warning('Queue %s is dead at the broker; it is deleted and made anew', queue.name);
    await admin.deleteQueue(queue.name);
    await admin.declareQueue(queue);
  }
}

function controlExchangeDeclaration(name: string, options: TopologyOptions): ExchangeDeclaration {
  return { name, type: 'topic', durable: isDurable(options), autoDelete: options.amqp_auto_delete };
}

function fanoutDeclaration(topic: string, options: TopologyOptions): ExchangeDeclaration {
  const durable = options.rabbit_transient_quorum_queue || options.rabbit_stream_fanout;
  return { name: fanoutExchange(topic), type: 'fanout', durable, autoDelete: true };
}

function topicQueue(name: string, options: TopologyOptions): QueueDeclaration {
  const args = { ...mirrored(options), ...(options.rabbit_quorum_queue ? quorum(options) : {}) };
  return { name, durable: isDurable(options), autoDelete: options.amqp_auto_delete, arguments: args };
}

function fanoutQueue(name: string, options: TopologyOptions): QueueDeclaration {
  const { rabbit_stream_fanout: stream, rabbit_transient_queues_ttl: ttl } = options;
  const durable = stream || options.rabbit_transient_quorum_queue;
  const streamArguments = { 'x-queue-type': 'stream', ...(ttl > 0 ? { 'x-max-age': `${ttl}s` } : {}) };
  return { name, durable, autoDelete: false, arguments: stream ? streamArguments : transientArguments(options) };
}

function transientArguments(options: TopologyOptions): Record<string, string | number> {
  const { rabbit_transient_queues_ttl: ttl, rabbit_transient_quorum_queue: isQuorum } = options;
  return {
    ...mirrored(options),
    ...(isQuorum ? quorum(options) : {}),
    ...(ttl > 0 ? { 'x-expires': ttl * 1000 } : {}),
  };
}

function isDurable(options: TopologyOptions): boolean {
  return options.amqp_durable_queues || options.rabbit_quorum_queue;
}

function mirrored(options: TopologyOptions): Record<string, string> {
  return options.rabbit_ha_queues ? { 'x-ha-policy': 'all' } : {};
}

function quorum(options: TopologyOptions): Record<string, string | number> {
  const limits = {
    'x-delivery-limit': options.rabbit_quorum_delivery_limit,
    'x-max-in-memory-length': options.rabbit_quorum_max_memory_length,
    'x-max-in-memory-bytes': options.rabbit_quorum_max_memory_bytes,
  };
  return { 'x-queue-type': 'quorum', ...Object.fromEntries(Object.entries(limits).filter(([, limit]) => limit > 0)) };
}

function fanoutQueueName(topic: string, options: TopologyOptions, instance: string): string {
  if (options.rabbit_stream_fanout) return fanoutExchange(topic);
  return `${fanoutExchange(topic)}_${uniquePart(options, instance)}`;
}

function uniquePart(options: TopologyOptions, instance: string): string {
  if (!options.use_queue_manager) return hexId();
  return `${options.hostname ?? hostname()}:${options.processname ?? 'cinder-volume'}:${instance}`;
}

function remedyFor(reason: string): string {
  if (/transient_nonexcl_queues/.test(reason)) {
    return (
      '. This RabbitMQ refuses transient queues: set amqp_durable_queues = true, or rabbit_quorum_queue and ' +
      'rabbit_transient_quorum_queue, in [oslo_messaging_rabbit] of every service'
    );
  }
  if (/inequivalent arg/.test(reason)) {
    return '. It was declared otherwise: give [oslo_messaging_rabbit] the settings of the other services, or delete it';
  }
  return '';
}
