import type { Destination } from './addressing.ts';
import type { AmqpConnection, Dial, SenderEvents, SenderLink } from './amqp.ts';
import { ExchangeSenders } from './exchange-senders.ts';
import type { TopologyAdmin } from './topology.ts';
import { openTopology091 } from './topology-091.ts';
import { encodeSegment, openManagement } from './topology-management.ts';

/** How a broker wants to be spoken to (M-02). */
export interface Dialect {
  /** Address of a queue to consume from. */
  source(queue: string): string;
  /** The properties by which a message says where it goes. */
  properties(to: Destination): { readonly to?: string; readonly subject?: string };
  /** What every message is sent by. */
  openSender(connection: AmqpConnection, on: SenderEvents): Promise<SenderLink>;
  /** `dial` is what the connection was opened with. */
  openTopology(connection: AmqpConnection, dial: Dial): Promise<TopologyAdmin>;
  /**
   * The broker is a router: an outcome is the receiver's, and a message without a receiver waits in its sender's session
   * (M-63). So everything sent has a time to live, and nothing is declared that nobody consumes.
   */
  readonly routes: boolean;
  /**
   * The broker tells neither of messages that no queue is there for, nor of a consumed queue that is deleted: whoever must
   * know asks for the queue (M-47, M-54).
   */
  readonly isSilent: boolean;
  /** Milliseconds between looks at queues and bindings, whose loss nobody tells (M-47). */
  readonly watchEvery: number;
}

/** RabbitMQ 4.x and the embedded broker: addresses v2, one anonymous sender, topology by `/management`. */
const v2: Omit<Dialect, 'routes'> = {
  source: (queue) => `/queues/${encodeSegment(queue)}`,
  properties: ({ exchange, key }) => {
    if (exchange === '') return { to: `/queues/${encodeSegment(key)}` };
    return { to: `/exchanges/${encodeSegment(exchange)}${key === '' ? '' : `/${encodeSegment(key)}`}` };
  },
  openSender: (connection, on) => connection.openSender(undefined, on),
  openTopology: openManagement,
  isSilent: false,
  watchEvery: 8000,
};

/** RabbitMQ 3.x with its plug-in: addresses v1, a sender for each exchange, topology by AMQP 0-9-1. */
const v1: Dialect = {
  source: (queue) => `/amq/queue/${escapeSlashes(queue)}`,
  properties: ({ exchange, key }) => ({
    to: exchange === '' ? '/queue' : `/exchange/${escapeSlashes(exchange)}`,
    subject: key,
  }),
  openSender: async (connection, on) => new ExchangeSenders(connection, on),
  openTopology: openTopology091,
  routes: false,
  isSilent: true,
  watchEvery: 5000,
};

/** A broker that nobody here can speak to (M-01). */
class UnknownBroker extends Error {
  constructor(product: string, version: string) {
    super(
      `the broker is ${product || 'of no name'} ${version}, expected RabbitMQ 3.10 or later, or the broker of volume-daemon`,
    );
    this.name = 'UnknownBroker';
  }
}

interface Row {
  readonly speaks: (product: string, major: number) => boolean;
  readonly dialect: Dialect;
}

const rows: readonly Row[] = [
  { speaks: (product, major) => product === 'RabbitMQ' && major >= 4, dialect: { ...v2, routes: false } },
  { speaks: (product, major) => product === 'RabbitMQ' && major === 3, dialect: v1 },
  { speaks: (product) => product === 'volume-daemon', dialect: { ...v2, routes: true } },
];

/** The dialect of a broker, by what it says of itself when the connection opens. Throws UnknownBroker. */
export function dialectOf({ product, version }: { readonly product: string; readonly version: string }): Dialect {
  const major = Number.parseInt(version, 10);
  const row = rows.find(({ speaks }) => speaks(product, major));
  if (row === undefined) throw new UnknownBroker(product, version);
  return row.dialect;
}

/** All that v1 addresses know of escaping; anything else stands as it is. */
function escapeSlashes(name: string): string {
  return name.replaceAll('/', '%2F');
}
