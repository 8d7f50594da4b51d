import type { TlsSettings } from './sockets.ts';

// AMQP 1.0 as this room needs it: what amqp1.ts implements on rhea.

/** Whom to connect to, and as whom. */
export interface Dial {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Log in by client certificate. */
  readonly external: boolean;
  readonly tls: TlsSettings | undefined;
  readonly virtualHost: string;
  /** Milliseconds of silence that the broker may count on; a connection is given up after twice that. 0 is never. */
  readonly idleTimeout: number;
  /** Container id and connection name (M-32). */
  readonly name: string;
}

/** A connection, session or link that failed or was refused; `condition` is AMQP's, such as `amqp:not-found`. */
export class AmqpFailure extends Error {
  readonly condition: string | undefined;

  constructor(message: string, condition?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'AmqpFailure';
    this.condition = condition;
  }
}

/** What became of a message that was sent. */
export type Settlement =
  | { readonly outcome: 'accepted' | 'released' | 'modified' }
  | { readonly outcome: 'rejected'; readonly condition: string; readonly reason: string };

/** What is sent: a body with the properties that lead it, or for `/management` a body of AMQP's own types. */
export interface Outgoing {
  readonly to?: string;
  readonly subject?: string;
  readonly message_id?: string;
  readonly reply_to?: string;
  readonly durable?: boolean;
  readonly first_acquirer?: boolean;
  readonly content_type?: string;
  readonly content_encoding?: string;
  readonly ttl?: number;
  readonly body: unknown;
}

/** A message that arrived and is not settled yet. */
export interface Incoming {
  readonly body: Buffer;
  /** The broker delivered it before, to us or to somebody else. */
  readonly redelivered: boolean;
  /** Settles it. Without effect once its session is gone. */
  accept(): void;
}

/** One receiver in a session of its own. */
export interface ReceiverLink {
  /** Messages that the broker may still send. */
  readonly credit: number;
  grant(credit: number): void;
  /** Ends the session: what is not settled is back on its queue at once (R-14, M-57). */
  end(): void;
}

/** One sender in a session of its own. */
export interface SenderLink {
  /** Whether a message may be sent now. */
  readonly room: boolean;
  /** Bytes that a message may measure; 0 is no limit. */
  readonly maxMessage: number;
  /** Sends; `settled` gets the outcome, or nothing at all when the link ends first. */
  send(message: Outgoing, settled: (settlement: Settlement) => void): void;
  end(): void;
}

/** Two links to one node under one name: requests go out, answers come in (messaging.md §2.2). */
export interface PairLink {
  send(message: Outgoing): void;
  end(): void;
}

/** `ended` is called once, when a link that stood ends unasked while its connection lives. */
interface LinkEvents {
  ended(reason: AmqpFailure): void;
}

export interface ReceiverEvents extends LinkEvents {
  message(message: Incoming): void;
}

export interface SenderEvents extends LinkEvents {
  /** There may be room again. */
  room(): void;
}

export interface PairEvents extends LinkEvents {
  message(answer: { readonly id: unknown; readonly subject: unknown; readonly body: unknown }): void;
}

export interface AmqpConnection {
  /** What the broker says of itself. */
  readonly product: string;
  readonly version: string;
  readonly localPort: number;
  /** Resolves with the reason when the connection has ended; never rejects. */
  readonly down: Promise<AmqpFailure>;
  /** Opens a link. Rejects with AmqpFailure when it is refused. */
  openReceiver(address: string, on: ReceiverEvents): Promise<ReceiverLink>;
  /** Opens a sender; without an address each message says by its `to` where it goes. */
  openSender(address: string | undefined, on: SenderEvents): Promise<SenderLink>;
  openPair(address: string, on: PairEvents): Promise<PairLink>;
  /** Says goodbye and waits for it, a second at most. May be called twice. */
  close(): Promise<void>;
  /** Cuts the connection: `down` gives the reason. */
  drop(reason: AmqpFailure): void;
}
