import type { Socket } from 'node:net';
import rhea, { type Connection, type Delivery, type EventContext, type Receiver, type Sender } from 'rhea';
import { batchWrites } from '../base/batched-writes.ts';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { addressOf } from './addresses.ts';
import { Consumer } from './consumer.ts';
import { type Fault, FrameGate } from './frame-gate.ts';
import { answer } from './management.ts';
import { type Origin, tell } from './outcome.ts';
import { labelOf } from './parcel.ts';
import { limitFrames } from './peer-limits.ts';
import { opened, openedLink } from './rhea-internals.ts';
import type { Router } from './router.ts';

/** What a connection needs of the broker that it came to. */
export interface House {
  readonly router: Router;
  readonly logger: Logger;
  readonly version: string;
  readonly maxFrame: number;
  readonly maxMessage: number;
  /** Milliseconds from the first byte to an open connection. */
  readonly handshake: number;
  admits(user: string, password: string): boolean;
}

const management = '/management';

/** `AMQP`, SASL, 1.0.0: how a listener says what it speaks (AMQP 1.0, part 2.2). */
const protocolHeader = Buffer.of(0x41, 0x4d, 0x51, 0x50, 3, 1, 0, 0);

/** One connection that somebody made to the broker. */
export class Peer {
  readonly #house: House;
  readonly #socket: Socket;
  readonly #connection: Connection;
  readonly #gate: FrameGate;
  readonly #name: string;
  readonly #consumers = new Map<Sender, Consumer>();
  readonly #origins = new Map<Receiver, { there: boolean }>();
  readonly #handshake: NodeJS.Timeout;
  readonly #onGone: () => void;
  #known = false;
  #refused = false;
  #gone = false;

  /** `onGone` is called once, when the connection has ended and everything that hung on it was given back. */
  constructor(socket: Socket, house: House, onGone: () => void) {
    this.#house = house;
    this.#socket = socket;
    this.#onGone = onGone;
    this.#name = `${socket.remoteAddress}:${socket.remotePort}`;
    this.#gate = new FrameGate(house.maxFrame);
    this.#connection = this.#makeConnection();
    this.#handshake = setTimeout(() => this.#give('no AMQP connection was opened in time'), house.handshake);
    socket.on('error', () => {});
    socket.on('close', () => this.#cut());
    batchWrites(socket);
    this.#listen();
    const open = opened(this.#connection);
    limitFrames(open, house.maxMessage);
    this.#guardInput();
    open.accept(socket);
  }

  /** Whether it has logged in. */
  get known(): boolean {
    return this.#known;
  }

  /** Says goodbye as AMQP does. */
  close(): void {
    this.#connection.close({ condition: 'amqp:connection:forced', description: 'the broker is stopping' });
  }

  /** Ends the connection without another word. */
  abort(): void {
    this.#cut();
    this.#socket.destroy();
  }

  #makeConnection(): Connection {
    const { version, maxFrame, maxMessage } = this.#house;
    const container = rhea.create_container({ id: 'volume-daemon' });
    container.sasl_server_mechanisms.enable_plain((user: string, password: string) => this.#login(user, password));
    container.on('error', (error: unknown) => this.#give(messageOf(error)));
    return container.create_connection({
      host: '',
      port: 0,
      reconnect: false,
      offered_capabilities: ['ANONYMOUS-RELAY'],
      properties: { product: 'volume-daemon', version },
      idle_time_out: 30_000,
      max_frame_size: maxFrame,
      channel_max: 63,
      receiver_options: { autoaccept: false, credit_window: 500, max_message_size: maxMessage },
      sender_options: { autosettle: true, ...{ treat_modified_as_released: false } },
    });
  }

  #login(user: string, password: string): boolean {
    const known = this.#house.admits(user, password);
    this.#known = known;
    if (known) this.#gate.open();
    else {
      this.#house.logger.warning('Login of user %r from %s refused by the embedded broker', user, this.#name);
      setImmediate(() => setImmediate(() => this.#finish()));
    }
    return known;
  }

  #listen(): void {
    const connection = this.#connection;
    connection.on('connection_open', () => {
      clearTimeout(this.#handshake);
      this.#house.logger.debug('Connection from %s (%s) is open', this.#name, connection.container_id);
    });
    connection.on('sender_open', ({ sender }: EventContext) => sender && this.#addConsumer(sender));
    connection.on('receiver_open', ({ receiver }: EventContext) => receiver && this.#addProducer(receiver));
    connection.on('sender_close', ({ sender }: EventContext) => sender && this.#dropConsumer(sender));
    connection.on('receiver_close', ({ receiver }: EventContext) => receiver && this.#dropProducer(receiver));
    connection.on('session_close', ({ session }: EventContext) => {
      for (const sender of this.#consumers.keys()) if (sender.session === session) this.#dropConsumer(sender);
      for (const receiver of this.#origins.keys()) if (receiver.session === session) this.#dropProducer(receiver);
    });
    connection.on('protocol_error', (error: unknown) => this.#give(messageOf(error)));
    connection.on('error', (error: unknown) => this.#give(messageOf(error)));
    connection.on('connection_close', () => this.#leave());
    connection.on('disconnected', () => this.#leave());
    for (const event of ['connection_error', 'session_error', 'sender_error', 'receiver_error']) {
      connection.on(event, ({ error, session, sender, receiver }: EventContext) => {
        const reason = messageOf((receiver ?? sender ?? session)?.error ?? error);
        this.#house.logger.debug('%s from %s: %s', event, this.#name, reason);
      });
    }
  }

  #guardInput(): void {
    const open = opened(this.#connection);
    const feed = open.input.bind(open);
    open.input = (chunk) => {
      if (this.#refused) return;
      const fault = this.#gate.admit(chunk);
      if (fault !== undefined) return this.#turnAway(fault);
      feed(chunk);
      // A login by a mechanism that is not offered: rhea says no, and would wait for another try.
      if (open.sasl_transport?.outcome) this.#finish();
    };
  }

  #turnAway(fault: Fault): void {
    if (fault.kind === 'http') {
      const text = 'This port speaks AMQP 1.0.\n';
      this.#socket.write(
        `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`,
      );
    }
    this.#give(fault.text);
  }

  /** Ends a connection that makes no sense, and says why, once. */
  #give(reason: string): void {
    if (this.#refused) return;
    this.#refused = true;
    const { logger } = this.#house;
    logger.warning('Connection from %s refused by the embedded broker, which speaks AMQP 1.0: %s', this.#name, reason);
    if (reason.includes('AMQP version')) this.#socket.write(protocolHeader);
    this.#finish();
  }

  /** Lets what was written leave, then cuts the connection. */
  #finish(): void {
    this.#refused = true;
    this.#socket.end(() => this.abort());
    setTimeout(() => this.abort(), 1000).unref();
  }

  #cut(): void {
    clearTimeout(this.#handshake);
    opened(this.#connection).abort_socket(this.#socket);
    this.#socket.on('error', () => {});
    this.#leave();
  }

  #addConsumer(sender: Sender): void {
    const address = sender.source?.address;
    if (address === management) {
      sender.set_source({ address });
      openedLink(sender).local.attach.snd_settle_mode = 1;
      return;
    }
    const named = addressOf(address ?? '');
    const queue = named?.kind === 'queue' ? this.#house.router.queue(named.queue) : undefined;
    if (address === undefined || queue === undefined) {
      sender.close({ condition: 'amqp:not-found', description: `no queue at '${address ?? ''}'` });
      return;
    }
    sender.set_source({ address });
    const consumer = new Consumer(sender, queue);
    this.#consumers.set(sender, consumer);
    queue.attach(consumer);
  }

  #addProducer(receiver: Receiver): void {
    const address = receiver.target?.address ?? undefined;
    const named = address === undefined ? undefined : addressOf(address);
    const { router } = this.#house;
    const missing =
      named?.kind === 'queue' ? router.queue(named.queue) === undefined : !router.hasExchange(named?.exchange ?? '');
    if (address !== undefined && address !== management && missing) {
      receiver.close({ condition: 'amqp:not-found', description: `nothing at '${address}'` });
      return;
    }
    receiver.set_target(address === undefined ? ({} as { address: string }) : { address });
    const line = { there: true };
    this.#origins.set(receiver, line);
    receiver.on('message', ({ message, delivery }: EventContext) => {
      if (delivery === undefined || !Buffer.isBuffer(message)) return;
      if (address === management) this.#manage(receiver, message, delivery);
      else this.#route(address, message, delivery, line);
    });
  }

  #route(target: string | undefined, bytes: Buffer, delivery: Delivery, line: { readonly there: boolean }): void {
    // A delivery that comes settled waits for no outcome: it is done with here.
    if (delivery.remote_settled) delivery.accept();
    const origin: Origin = {
      get there() {
        return line.there;
      },
      settle: (outcome) => line.there && !delivery.remote_settled && tell(delivery, outcome),
    };
    this.#house.router.route(target, bytes, labelOf(bytes), origin);
  }

  #manage(receiver: Receiver, bytes: Buffer, delivery: Delivery): void {
    delivery.accept();
    const { message_id: id, subject, to, body } = rhea.message.decode(bytes);
    const { status, body: result = null } = answer(this.#house.router, subject, to, body);
    const back = receiver.session.find_sender((sender: Sender) => sender.source?.address === management);
    back?.send({ to: '$me', subject: String(status), correlation_id: id, body: result });
  }

  /** Outcomes that came with the farewell are still on their way through rhea: a turn later they are here. */
  #dropConsumer(sender: Sender): void {
    const consumer = this.#consumers.get(sender);
    this.#consumers.delete(sender);
    if (consumer !== undefined) setImmediate(() => consumer.leave());
  }

  #dropProducer(receiver: Receiver): void {
    const line = this.#origins.get(receiver);
    this.#origins.delete(receiver);
    if (line === undefined) return;
    line.there = false;
    this.#house.router.sweep();
  }

  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    clearTimeout(this.#handshake);
    for (const sender of [...this.#consumers.keys()]) this.#dropConsumer(sender);
    for (const receiver of [...this.#origins.keys()]) this.#dropProducer(receiver);
    setImmediate(this.#onGone);
  }
}
