import type { Logger, Logs } from '../base/log.ts';
import type { BackoffPlan } from '../base/retry.ts';
import type { RabbitValues, RpcValues } from './options.ts';
import { type TlsSettings, tlsSettings } from './sockets.ts';
import type { TopologyOptions } from './topology.ts';
import { type TransportUrl, WrongTransportUrl, withUrlOptions } from './transport-url.ts';

/** One broker, and how to log in there. */
export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

/** All that a transport is opened with: made by `transportSettings`. */
export interface TransportSettings {
  readonly brokers: readonly BrokerAddress[];
  readonly virtualHost: string;
  readonly controlExchange: string;
  /** Seconds that a caller waits for a reply. */
  readonly responseTimeout: number;
  /** Milliseconds of silence that we announce; 0 is for ever. */
  readonly idleTimeout: number;
  readonly external: boolean;
  /** Undefined: without TLS. */
  readonly tls: Parameters<typeof tlsSettings>[0] | undefined;
  readonly retry: BackoffPlan;
  /** The order of several brokers is drawn anew each round, not only once. */
  readonly shuffleEachRound: boolean;
  readonly topology: TopologyOptions;
  /** First part of the connection's name. */
  readonly program: string;
  readonly logs: Logs;
}

/** What the settings of a transport are made of. */
export interface TransportSources {
  readonly url: TransportUrl;
  readonly rabbit: RabbitValues;
  readonly rpc: Pick<RpcValues, 'control_exchange' | 'rpc_response_timeout'>;
  /** Where the embedded broker is, for `embedded://`. */
  readonly embedded?: BrokerAddress;
  readonly program: string;
  readonly logs: Logs;
}

/** The broker of our own is on this machine and back in no time: there is no crowd to spread out (M-42). */
const nearby: BackoffPlan = { first: 50, most: 1000, spread: 50 };

/** Puts URL and options together. Throws WrongTransportUrl for what cannot be connected to. */
export function transportSettings(sources: TransportSources): TransportSettings {
  const { url, rpc, embedded, program, logs } = sources;
  const rabbit = withUrlOptions(sources.rabbit, url);
  return {
    brokers: brokersOf(url, embedded),
    virtualHost: url.virtualHost,
    controlExchange: rpc.control_exchange,
    responseTimeout: rpc.rpc_response_timeout,
    idleTimeout: Math.max(0, rabbit.heartbeat_timeout_threshold) * 500,
    external: rabbit.rabbit_login_method === 'EXTERNAL',
    tls: rabbit.ssl ? rabbit : undefined,
    retry: url.kind === 'embedded' ? nearby : remote(rabbit),
    shuffleEachRound: rabbit.kombu_failover_strategy === 'shuffle',
    topology: rabbit,
    program,
    logs,
  };
}

/** What the supervising loop runs on. */
export interface ConnectionPlan {
  readonly rotation: { next(): BrokerAddress };
  readonly retry: BackoffPlan;
  readonly tls: TlsSettings | undefined;
}

/** Throws for a certificate or key that cannot be read. */
export function connectionPlan(settings: TransportSettings, logger: Logger): ConnectionPlan {
  const tls = settings.tls === undefined ? undefined : tlsSettings(settings.tls);
  if (tls !== undefined && tls.ca === undefined) {
    logger.warning("The broker's certificate is not verified: [oslo_messaging_rabbit] ssl_ca_file is not set");
  }
  return { rotation: rotationOf(settings), retry: settings.retry, tls };
}

function brokersOf(url: TransportUrl, embedded: BrokerAddress | undefined): BrokerAddress[] {
  if (url.kind === 'embedded') {
    if (embedded === undefined) throw new WrongTransportUrl('the embedded broker is not running');
    return [embedded];
  }
  if (url.kind === 'fake')
    throw new WrongTransportUrl('fake:// has no broker; use embedded:// on a machine without one');
  const hosts =
    url.hosts.length > 0 ? url.hosts : [{ host: undefined, port: undefined, user: undefined, password: undefined }];
  return hosts.map(({ host, port, user, password }) => ({
    host: host ?? 'localhost',
    port: port ?? 5672,
    user: user || 'guest',
    password: password || 'guest',
  }));
}

/** Shuffled once, so that not every service begins with the same broker, then one after the other. */
function rotationOf({ brokers, shuffleEachRound }: TransportSettings): { next(): BrokerAddress } {
  const order = shuffled(brokers);
  let round = [...order];
  return {
    next() {
      const broker = round.shift() ?? order[0];
      if (broker === undefined) throw new WrongTransportUrl('no broker is named');
      if (round.length === 0) round = shuffleEachRound ? shuffled(order) : [...order];
      return broker;
    },
  };
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

function remote(rabbit: RabbitValues): BackoffPlan {
  return {
    first: Math.max(rabbit.rabbit_retry_interval, rabbit.kombu_reconnect_delay) * 1000,
    factor: rabbit.rabbit_retry_backoff,
    most: rabbit.rabbit_interval_max * 1000,
    spread: Math.max(1, rabbit.kombu_reconnect_splay) * 1000,
  };
}
