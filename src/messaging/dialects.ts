import type { Destination } from './addressing.ts';
import type { AmqpConnection } from './amqp.ts';
import type { TopologyAdmin } from './topology.ts';
import { encodeSegment, openManagement } from './topology-management.ts';

/** How a broker wants to be spoken to (M-02). */
export interface Dialect {
  /** Address of a queue to consume from. */
  source(queue: string): string;
  /** The properties by which a message of the anonymous sender says where it goes. */
  properties(to: Destination): { readonly to?: string; readonly subject?: string };
  openTopology(connection: AmqpConnection): Promise<TopologyAdmin>;
  /**
   * The broker is a router: an outcome is the receiver's, and a message without a receiver waits in its sender's session
   * (M-63). So everything sent has a time to live, and nothing is declared that nobody consumes.
   */
  readonly routes: boolean;
}

/** RabbitMQ 4.x and the embedded broker: addresses v2, one anonymous sender, topology by `/management`. */
const v2: Omit<Dialect, 'routes'> = {
  source: (queue) => `/queues/${encodeSegment(queue)}`,
  properties: ({ exchange, key }) => {
    if (exchange === '') return { to: `/queues/${encodeSegment(key)}` };
    return { to: `/exchanges/${encodeSegment(exchange)}${key === '' ? '' : `/${encodeSegment(key)}`}` };
  },
  openTopology: openManagement,
};

/** A broker that nobody here can speak to (M-01). */
class UnknownBroker extends Error {
  constructor(product: string, version: string) {
    super(
      `the broker is ${product || 'of no name'} ${version}, expected RabbitMQ 4 or later, or the broker of volume-daemon`,
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
  { speaks: (product) => product === 'volume-daemon', dialect: { ...v2, routes: true } },
];

/** The dialect of a broker, by what it says of itself when the connection opens. Throws UnknownBroker. */
export function dialectOf({ product, version }: { readonly product: string; readonly version: string }): Dialect {
  const major = Number.parseInt(version, 10);
  const row = rows.find(({ speaks }) => speaks(product, major));
  if (row === undefined) throw new UnknownBroker(product, version);
  return row.dialect;
}
