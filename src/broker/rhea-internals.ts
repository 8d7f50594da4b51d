import rhea, { type Connection, type Delivery, type Receiver, type Sender, type Session } from 'rhea';

// What the broker uses of rhea 3.0.5 beyond its typings, in one place.

/** A frame on its way from rhea's transport to the session that it is for. */
export interface Frame<P> {
  readonly channel: number;
  readonly performative: P;
  readonly payload?: Buffer;
}

export interface Transfer {
  readonly handle: number;
  readonly more: boolean | null;
  message_format: number;
}

interface Attach {
  readonly role: boolean;
  name: string;
}

interface Disposition {
  readonly first: number;
  readonly last: number | null;
}

/** A connection of rhea whose frames pass through hands of ours: each `on_*` may be replaced on the instance. */
export interface OpenConnection {
  input(chunk: Buffer): void;
  accept(socket: unknown): void;
  abort_socket(socket: unknown): void;
  on_begin(frame: Frame<unknown>): void;
  on_attach(frame: Frame<Attach>): void;
  on_transfer(frame: Frame<Transfer>): void;
  on_disposition(frame: Frame<Disposition>): void;
  /** Its outcome is the code that the peer was told: 0 is a login. */
  readonly sasl_transport?: { readonly outcome?: number };
  readonly local_channel_map: Readonly<Record<string, Session>>;
  readonly remote_channel_map: Readonly<Record<number, OpenSession>>;
}

export interface OpenSession {
  readonly links: Readonly<Record<string, OpenLink>>;
  readonly remote: { readonly handles: Readonly<Record<number, object>> };
}

export interface OpenLink {
  readonly local: { readonly attach: { name: string; snd_settle_mode: number } };
}

export function opened(connection: Connection): OpenConnection {
  return connection as unknown as OpenConnection;
}

export function openedLink(link: Sender | Receiver): OpenLink {
  return link as unknown as OpenLink;
}

/** Credit that the peer gave, and deliveries written so far. Both move when rhea writes, not when `send` is called. */
export function flowOf(sender: Sender): { readonly credit: number; readonly delivery_count: number } {
  return sender as unknown as { credit: number; delivery_count: number };
}

/** Sets the state that says a delivery needs nothing more from us, although its receiver waits for our word (mode second). */
export function settle(delivery: Delivery): void {
  delivery.update(true);
}

interface Value {
  readonly descriptor?: { readonly value: unknown };
  readonly value: unknown;
}

interface Reader {
  readonly position: number;
  read(): Value;
  remaining(): number;
  read_uint(width: number): number;
  read_size_count(width: number): { readonly count: number };
  read_n(count: number): unknown[];
  read_constructor(): { readonly typecode: number; readonly descriptor?: unknown };
  read_array_items(count: number, type: unknown): unknown[];
}

interface ValueType {
  readonly width: number;
  create(value: unknown, code?: number, descriptor?: unknown): unknown;
}

interface Types {
  readonly Reader: { new (bytes: Buffer): Reader; readonly prototype: Record<string, unknown> };
  readonly by_code: Readonly<Record<number, ValueType>>;
  unwrap(value: unknown): unknown;
}

export const types = rhea.types as unknown as Types;

/**
 * rhea believes the number of elements that a list, map or array announces: ten bytes before any login can ask for
 * gigabytes. Every element of ours takes at least a byte, so a number above the bytes that are left is refused.
 */
export function boundElementCounts(): void {
  const prototype = types.Reader.prototype;
  prototype['read_compound'] = function (this: Reader, type: ValueType): unknown {
    return type.create(this.read_n(elementsOf(this, type)));
  };
  prototype['read_array'] = function (this: Reader, type: ValueType): unknown {
    const count = elementsOf(this, type);
    const { typecode, descriptor } = this.read_constructor();
    const element = types.by_code[typecode];
    if (element === undefined) throw new Error(`unknown type 0x${typecode.toString(16)} in an array`);
    return type.create(this.read_array_items(count, element), typecode, descriptor);
  };
}

function elementsOf(reader: Reader, type: ValueType): number {
  const { count } = reader.read_size_count(type.width);
  if (count > reader.remaining()) throw new Error(`${count} elements announced in ${reader.remaining()} bytes`);
  return count;
}
