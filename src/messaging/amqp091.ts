import type { Socket } from 'node:net';
import { messageOf } from '../base/errors.ts';
import { AmqpFailure, type Dial } from './amqp.ts';
import {
  ArgumentWriter,
  encodeMethod,
  type Method,
  MethodReader,
  protocolHeader,
  shortTextAt,
} from './amqp091-wire.ts';
import { openSocket } from './sockets.ts';

// AMQP 0-9-1 as far as topology needs it: one connection, one channel, one request after the other (messaging.md §2.3).

/** A handshake, or the answer to a request, takes no longer (M-45). */
const patience = 10_000;

const classes = { connection: 10, channel: 20 } as const;

/** The broker refused a request and closed its channel. */
export class ChannelRefused extends Error {
  readonly code: number;

  constructor(code: number, text: string) {
    super(`${code} ${text}`);
    this.name = 'ChannelRefused';
    this.code = code;
  }
}

/** A connection whose every request is answered by the method that follows its own in the protocol's numbering. */
export interface Amqp091 {
  /** Resolves with the arguments of the answer. Rejects with ChannelRefused, or with AmqpFailure when the connection ends. */
  request(classId: number, methodId: number, args: ArgumentWriter): Promise<Buffer>;
  readonly isOver: boolean;
  /** Says goodbye and does not wait for it. May be called twice. */
  close(): void;
}

/** Connects as `dial` says, with the same TLS and login as the other connection (M-38). Rejects with AmqpFailure. */
export async function openAmqp091(dial: Dial): Promise<Amqp091> {
  const connection = new Connection(dial);
  await connection.opened;
  return connection;
}

interface Expected {
  readonly channel: number;
  readonly classId: number;
  readonly methodId: number;
  readonly resolve: (args: Buffer) => void;
  readonly reject: (error: Error) => void;
}

class Connection implements Amqp091 {
  readonly opened: Promise<void>;
  readonly #reader = new MethodReader();
  readonly #socket: Socket;
  #expected: Expected | undefined;
  #over: AmqpFailure | undefined;
  #channelOpen = false;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(dial: Dial) {
    this.#socket = openSocket(dial.host, dial.port, dial.tls, () => this.#socket.write(protocolHeader));
    this.#socket.on('error', (error) => this.#end(new AmqpFailure(messageOf(error), undefined, { cause: error })));
    this.#socket.on('close', () => this.#end(new AmqpFailure('the connection was lost')));
    this.#socket.on('data', (bytes) => this.#take(bytes));
    this.opened = this.#handshake(dial);
  }

  get isOver(): boolean {
    return this.#over !== undefined;
  }

  request(classId: number, methodId: number, args: ArgumentWriter): Promise<Buffer> {
    const answer = this.#turn.then(async () => {
      if (!this.#channelOpen) {
        await this.#ask(1, classes.channel, 10, new ArgumentWriter().shortText(''), 11);
        this.#channelOpen = true;
      }
      return await this.#ask(1, classId, methodId, args, methodId + 1);
    });
    this.#turn = answer.catch(() => {});
    return answer;
  }

  close(): void {
    if (this.#over !== undefined) return;
    const bye = new ArgumentWriter().u16(200).shortText('').u16(0).u16(0);
    this.#send(0, classes.connection, 50, bye);
    this.#socket.end();
    this.#end(new AmqpFailure('closed'));
  }

  async #handshake({ user, password, external, virtualHost, name }: Dial): Promise<void> {
    await this.#expect(0, classes.connection, 10);
    const login = new ArgumentWriter()
      .table({
        product: 'volume-daemon',
        connection_name: name,
        capabilities: { authentication_failure_close: true },
      })
      .shortText(external ? 'EXTERNAL' : 'PLAIN')
      .longText(external ? '' : `\0${user}\0${password}`)
      .shortText('en_US');
    const tuning = await this.#ask(0, classes.connection, 11, login, 30);
    const longest = tuning.readUInt32BE(2) || 131_072;
    // No heartbeats: the watch asks every few seconds, and an answer that does not come ends the connection.
    this.#send(0, classes.connection, 31, new ArgumentWriter().u16(1).u32(longest).u16(0));
    await this.#ask(
      0,
      classes.connection,
      40,
      new ArgumentWriter().shortText(virtualHost).shortText('').bit(false),
      41,
    );
  }

  #ask(channel: number, classId: number, methodId: number, args: ArgumentWriter, answer: number): Promise<Buffer> {
    const answered = this.#expect(channel, classId, answer);
    this.#send(channel, classId, methodId, args);
    return answered;
  }

  #expect(channel: number, classId: number, methodId: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#over !== undefined) return reject(this.#over);
      const late = setTimeout(() => this.#end(new AmqpFailure('no answer within 10 seconds by AMQP 0-9-1')), patience);
      const settle = <T>(end: (value: T) => void) => {
        return (value: T): void => {
          clearTimeout(late);
          this.#expected = undefined;
          end(value);
        };
      };
      this.#expected = { channel, classId, methodId, resolve: settle(resolve), reject: settle(reject) };
    });
  }

  #send(channel: number, classId: number, methodId: number, args: ArgumentWriter): void {
    if (this.#over === undefined) this.#socket.write(encodeMethod({ channel, classId, methodId, args: args.bytes() }));
  }

  #take(bytes: Buffer): void {
    if (this.#over !== undefined) return;
    try {
      for (const method of this.#reader.read(bytes)) this.#handle(method);
    } catch (error) {
      this.#end(new AmqpFailure(messageOf(error), undefined, { cause: error }));
    }
  }

  #handle({ channel, classId, methodId, args }: Method): void {
    const isClose =
      (classId === classes.connection && methodId === 50) || (classId === classes.channel && methodId === 40);
    if (isClose) {
      const code = args.readUInt16BE(0);
      const { text } = shortTextAt(args, 2);
      this.#send(channel, classId, methodId + 1, new ArgumentWriter());
      if (classId === classes.connection) this.#end(new AmqpFailure(`${code} ${text}`));
      this.#channelOpen = false;
      this.#expected?.reject(new ChannelRefused(code, text));
      return;
    }
    const expected = this.#expected;
    if (expected?.channel === channel && expected.classId === classId && expected.methodId === methodId) {
      expected.resolve(args);
    }
  }

  #end(reason: AmqpFailure): void {
    if (this.#over !== undefined) return;
    this.#over = reason;
    this.#expected?.reject(reason);
    this.#socket.destroySoon();
  }
}
