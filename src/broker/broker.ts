import { createHash, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { Logger } from '../base/log.ts';
import { Peer } from './peer.ts';
import { boundElementCounts } from './rhea-internals.ts';
import { Router } from './router.ts';

export interface BrokerOptions {
  /** Address to listen on, such as `127.0.0.1`. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly logger: Logger;
  /** What it says of itself to clients. */
  readonly version: string;
  /** For tests; the presets are those of messaging.md §8. */
  readonly limits?: Partial<BrokerLimits>;
}

export interface BrokerLimits {
  readonly deliveriesOfQueue: number;
  readonly bytesOfQueue: number;
  readonly maxFrame: number;
  readonly maxMessage: number;
  readonly connections: number;
  readonly handshake: number;
}

export interface Broker extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Ends every connection and stops listening. What was not settled is its senders', who send it again (M-64). May be called twice. */
  close(): Promise<void>;
}

const presets: BrokerLimits = {
  deliveriesOfQueue: 10_000,
  bytesOfQueue: 64 * 2 ** 20,
  maxFrame: 131_072,
  maxMessage: 64 * 2 ** 20,
  connections: 1000,
  handshake: 10_000,
};

/**
 * Starts the embedded broker: an AMQP 1.0 router for v2 addresses (messaging.md §8). It keeps nothing: a delivery is
 * settled with the outcome that its receiver gave, and not before. Resolves when it listens; rejects when it cannot.
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const { host, logger, version } = options;
  const limits = { ...presets, ...options.limits };
  boundElementCounts();
  const router = new Router({ deliveries: limits.deliveriesOfQueue, bytes: limits.bytesOfQueue });
  const peers = new Set<Peer>();
  const admits = loginCheck(options.user, options.password);
  const { maxFrame, maxMessage, handshake } = limits;
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 }, (socket) => {
    if (peers.size >= limits.connections && !makeRoom(peers, logger)) {
      socket.destroy();
      return;
    }
    const peer = new Peer(socket, { router, logger, version, maxFrame, maxMessage, handshake, admits }, () =>
      peers.delete(peer),
    );
    peers.add(peer);
  });
  // A worker of node:cluster would otherwise ask the primary to listen for it.
  server.listen({ host, port: options.port, exclusive: true });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= shutDown();
    return closing;
  };
  const shutDown = async (): Promise<void> => {
    const closed = once(server, 'close');
    server.close();
    for (const peer of peers) peer.close();
    const late = setTimeout(() => {
      for (const peer of peers) peer.abort();
    }, 500);
    await closed;
    clearTimeout(late);
    router.close();
  };
  return { host, port, close, [Symbol.asyncDispose]: close };
}

/**
 * Ends the connection that has been there longest without a login: whoever only occupies the port keeps nobody out who has
 * the password. False when all have logged in.
 */
function makeRoom(peers: Set<Peer>, logger: Logger): boolean {
  const stranger = [...peers].find(({ known }) => !known);
  if (stranger === undefined) {
    logger.warning('A connection was refused by the embedded broker: %d are open', peers.size);
    return false;
  }
  peers.delete(stranger);
  stranger.abort();
  return true;
}

/** Compares in a time that tells nothing about how much was right. */
function loginCheck(user: string, password: string): (user: string, password: string) => boolean {
  const digest = (name: string, secret: string): Buffer => createHash('sha256').update(`${name}\0${secret}`).digest();
  const expected = digest(user, password);
  return (name, secret) => timingSafeEqual(digest(String(name), String(secret)), expected);
}
