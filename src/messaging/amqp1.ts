import type { Socket } from 'node:net';
import rhea, { type Connection, type EventContext, type Receiver, type Sender, type Session } from 'rhea';
import {
  type AmqpConnection,
  AmqpFailure,
  type Dial,
  type PairEvents,
  type PairLink,
  type ReceiverEvents,
  type ReceiverLink,
  type SenderEvents,
  type SenderLink,
} from './amqp.ts';
import { endSession, RheaReceiver, RheaSender } from './amqp1-links.ts';
import { openSocket } from './sockets.ts';

// The only file of this room that runs rhea, and works round what needs it (messaging.md §7).

/** A handshake, or the opening of a link, takes no longer (M-45). */
const patience = 10_000;

/** Body of one data section (M-20). */
export function dataSection(body: Buffer): unknown {
  return rhea.message.data_section(body);
}

/** Connects and logs in. Rejects with AmqpFailure, or with the reason of `signal`, and leaves nothing behind then. */
export async function dial(options: Dial, signal: AbortSignal): Promise<AmqpConnection> {
  signal.throwIfAborted();
  const link = new RheaConnection(options);
  const onAbort = (): void => link.drop(new AmqpFailure('aborted'));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await link.opened;
    return link;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

class RheaConnection implements AmqpConnection {
  readonly opened: Promise<void>;
  readonly down: Promise<AmqpFailure>;
  readonly #connection: Connection;
  #isDown: (reason: AmqpFailure) => void = () => {};
  #ended = false;
  #closing: Promise<void> | undefined;

  constructor(options: Dial) {
    this.down = new Promise((resolve) => {
      this.#isDown = resolve;
    });
    // A container of its own: rhea's reconnect cannot be used, and nothing of a connection may outlive it.
    const container = rhea.create_container({ id: options.name });
    container.on('error', (error: unknown) => this.drop(failureOf(error)));
    this.#connection = container.create_connection(connectOptions(options));
    this.opened = this.#open();
    try {
      this.#connection.connect();
    } catch (error) {
      this.drop(failureOf(error));
    }
  }

  get product(): string {
    return String(this.#connection.properties?.['product'] ?? '');
  }

  get version(): string {
    return String(this.#connection.properties?.['version'] ?? '');
  }

  get localPort(): number {
    return this.#socket?.localPort ?? 0;
  }

  async openReceiver(address: string, on: ReceiverEvents): Promise<ReceiverLink> {
    const session = this.#begin();
    const receiver = session.open_receiver({ source: { address }, autoaccept: false, credit_window: 0 });
    const link = new RheaReceiver(session, receiver);
    receiver.on('message', (context: EventContext) => link.arrived(context, on.message));
    await this.#standing(session, receiver, on.ended, () => Boolean(receiver.source?.address));
    link.pinDeliveryCount();
    return link;
  }

  async openSender(address: string | undefined, on: SenderEvents): Promise<SenderLink> {
    const session = this.#begin();
    const target = address === undefined ? {} : { address };
    const sender = session.open_sender({ target, autosettle: true });
    const link = new RheaSender(session, sender);
    sender.on('sendable', () => on.room());
    await this.#standing(session, sender, on.ended, () => address === undefined || Boolean(sender.target?.address));
    return link;
  }

  /** rhea keeps a session's links by name: the second half is opened when the first one stands. */
  async openPair(address: string, on: PairEvents): Promise<PairLink> {
    const session = this.#begin();
    const terminus = { address, expiry_policy: 'link-detach', timeout: 0, dynamic: false };
    const half = {
      name: 'management-link-pair',
      snd_settle_mode: 1,
      rcv_settle_mode: 0,
      properties: { paired: true },
      source: terminus,
      target: terminus,
    };
    let ended = on.ended;
    const sender = session.open_sender(half);
    await this.#standing(
      session,
      sender,
      (reason) => ended(reason),
      () => Boolean(sender.target?.address),
    );
    const receiver = session.open_receiver({ ...half, credit_window: 100, autoaccept: true });
    receiver.on('message', ({ message }: EventContext) =>
      on.message({ id: message?.correlation_id, subject: message?.subject, body: message?.body }),
    );
    await this.#standing(
      session,
      receiver,
      () => {},
      () => Boolean(receiver.source?.address),
    );
    if (!sender.sendable()) await this.#within('credit for /management', (done) => sender.once('sendable', done));
    return {
      send: (message) => {
        if (session.is_open()) sender.send(message as Parameters<Sender['send']>[0]);
      },
      end: () => {
        ended = () => {};
        endSession(session, sender, receiver);
      },
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  drop(reason: AmqpFailure): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#isDown(reason);
    // A turn later: an answer to the broker's Close is on its way out.
    setImmediate(() => this.#cut());
  }

  #cut(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    (this.#connection as unknown as { abort_socket(socket: Socket): void }).abort_socket(socket);
    // rhea took away every listener of the socket, also the one without which a late error ends the process.
    socket.on('error', () => {});
  }

  get #socket(): Socket | undefined {
    return (this.#connection as unknown as { socket?: Socket }).socket;
  }

  async #close(): Promise<void> {
    if (!this.#ended && this.#connection.is_open()) {
      const late = setTimeout(() => this.drop(new AmqpFailure('the broker did not say goodbye')), 1000);
      this.#connection.close();
      await this.down;
      clearTimeout(late);
    }
    this.drop(new AmqpFailure('closed'));
  }

  /** Resolves when the connection is open. Every way in which it can end leads to `drop`. */
  #open(): Promise<void> {
    const connection = this.#connection;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => this.drop(new AmqpFailure('no answer within 10 seconds')), patience);
      void this.down.then((reason) => {
        clearTimeout(late);
        reject(reason);
      });
      connection.once('connection_open', () => {
        clearTimeout(late);
        resolve();
      });
      let reason: AmqpFailure | undefined;
      connection.on('connection_error', (context: EventContext) => {
        reason = failureOf(context.error ?? connection.error);
      });
      // After an AMQP Close rhea emits no `disconnected` (M-40).
      connection.on('connection_close', () => {
        this.drop(reason ?? new AmqpFailure(this.#closing === undefined ? 'closed by the broker' : 'closed'));
      });
      connection.on('disconnected', ({ error }: EventContext) =>
        this.drop(reason ?? failureOf(error ?? new Error('the connection was lost'))),
      );
      connection.on('protocol_error', (error: unknown) => this.drop(failureOf(error)));
      connection.on('error', (error: unknown) => this.drop(failureOf(error)));
    });
  }

  #begin(): Session {
    const session = this.#connection.create_session();
    session.begin();
    return session;
  }

  /**
   * Resolves when the link is up: its open event came, and the terminus is there (M-30). From then on `ended` is called
   * once when link or session end. A link that is not up in time ends its session.
   */
  async #standing(
    session: Session,
    link: Sender | Receiver,
    ended: (reason: AmqpFailure) => void,
    isThere: () => boolean,
  ): Promise<void> {
    const side = link.is_receiver() ? 'receiver' : 'sender';
    let standing = false;
    let over = false;
    try {
      await this.#within(`a ${side}`, (done, fail) => {
        const end = (reason: AmqpFailure): void => {
          if (over) return;
          over = true;
          if (standing) ended(reason);
          else fail(reason);
        };
        let error: unknown;
        const remember = (): void => {
          error = link.error ?? session.error;
        };
        const finish = (): void => end(failureOf(error ?? new Error('ended by the broker')));
        link.on(`${side}_error`, remember);
        session.on('session_error', remember);
        link.on(`${side}_close`, finish);
        session.on('session_close', finish);
        link.on(`${side}_open`, () => {
          if (isThere()) {
            standing = true;
            done();
          }
        });
      });
    } catch (error) {
      endSession(session, link);
      throw error;
    }
  }

  /** Waits for `begin` to call back, as long as the connection lives and ten seconds at most. */
  #within(what: string, begin: (done: () => void, fail: (reason: AmqpFailure) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => fail(new AmqpFailure(`${what} did not open within 10 seconds`)), patience);
      const fail = (reason: AmqpFailure): void => {
        clearTimeout(late);
        reject(reason);
      };
      const done = (): void => {
        clearTimeout(late);
        resolve();
      };
      void this.down.then(fail);
      begin(done, fail);
    });
  }
}

function connectOptions(options: Dial): Parameters<typeof rhea.create_connection>[0] {
  const { host, port, name, tls, virtualHost, idleTimeout } = options;
  return {
    host,
    port,
    container_id: name,
    hostname: `vhost:${virtualHost}`,
    properties: { connection_name: name, product: 'volume-daemon' },
    reconnect: false,
    max_frame_size: 131_072,
    channel_max: 63,
    ...(idleTimeout > 0 ? { idle_time_out: idleTimeout } : {}),
    connection_details: () => ({
      host,
      port,
      connect: (_port: number, _host: string, _options: unknown, ready: () => void) =>
        openSocket(host, port, tls, ready),
    }),
    ...{ sasl_mechanisms: mechanismsOf(options) },
  };
}

/** Exactly one mechanism, so that neither rhea nor the broker chooses (M-36). rhea's own PLAIN cuts what is not ASCII. */
function mechanismsOf({ external, user, password }: Dial): Record<string, unknown> {
  const answer = Buffer.from(external ? '' : `\0${user}\0${password}`);
  const mechanism = () => ({
    start: (done: (error: undefined, answer: Buffer) => void) => done(undefined, answer),
    step: (_challenge: unknown, done: (error: undefined, answer: Buffer) => void) => done(undefined, answer),
  });
  return external ? { EXTERNAL: mechanism } : { PLAIN: mechanism };
}

/** The failure that an event of rhea tells of: an Error, or AMQP's own record of condition and description. */
function failureOf(error: unknown): AmqpFailure {
  if (error instanceof AmqpFailure) return error;
  const { condition, description, message, code } = (error ?? {}) as Record<string, unknown>;
  const text = description ?? message ?? condition ?? code ?? 'unknown';
  const known = typeof condition === 'string' ? condition : undefined;
  return new AmqpFailure(String(text || code), known, error instanceof Error ? { cause: error } : {});
}
