/** One method of AMQP 0-9-1: a class, a method of it, and its arguments as bytes. */
export interface Method {
  readonly channel: number;
  readonly classId: number;
  readonly methodId: number;
  readonly args: Buffer;
}

/** What a table may hold here. */
export type Table = { readonly [key: string]: string | number | boolean | Table };

/** What begins a connection. */
export const protocolHeader = Buffer.concat([Buffer.alloc(4, 'AMQP'), Buffer.of(0, 0, 9, 1)]);

const methodFrame = 1;
const frameEnd = 0xce;

/** A frame that is longer than this is no frame: the other side speaks something else. */
const longestFrame = 1_048_576;

/** Writes the arguments of a method in order. Bits that follow each other share a byte, as the protocol wants it. */
export class ArgumentWriter {
  readonly #parts: Buffer[] = [];
  #bits: boolean[] = [];

  u8(value: number): this {
    return this.#put(Buffer.from([value]));
  }

  u16(value: number): this {
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16BE(value);
    return this.#put(bytes);
  }

  u32(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value >>> 0);
    return this.#put(bytes);
  }

  /** At most 255 bytes; throws RangeError beyond. */
  shortText(text: string): this {
    const bytes = Buffer.from(text);
    if (bytes.length > 255) throw new RangeError(`'${text}' is longer than 255 bytes`);
    return this.u8(bytes.length).#put(bytes);
  }

  longText(text: string): this {
    const bytes = Buffer.from(text);
    return this.u32(bytes.length).#put(bytes);
  }

  bit(value: boolean): this {
    this.#bits.push(value);
    return this;
  }

  table(table: Table): this {
    const inner = new ArgumentWriter();
    for (const [key, value] of Object.entries(table)) inner.shortText(key).#value(value);
    const bytes = inner.bytes();
    return this.u32(bytes.length).#put(bytes);
  }

  bytes(): Buffer {
    this.#flushBits();
    return Buffer.concat(this.#parts);
  }

  #value(value: Table[string]): this {
    if (typeof value === 'string') return this.u8(0x53).longText(value);
    if (typeof value === 'boolean') return this.u8(0x74).u8(value ? 1 : 0);
    if (typeof value === 'object') return this.u8(0x46).table(value);
    if (value === (value | 0)) return this.u8(0x49).u32(value);
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64BE(BigInt(value));
    return this.u8(0x6c).#put(bytes);
  }

  #put(bytes: Buffer): this {
    this.#flushBits();
    this.#parts.push(bytes);
    return this;
  }

  #flushBits(): void {
    if (this.#bits.length === 0) return;
    const octet = this.#bits.reduce((sum, bit, at) => sum + (bit ? 1 << at : 0), 0);
    this.#bits = [];
    this.#parts.push(Buffer.from([octet]));
  }
}

/** The frame of a method. */
export function encodeMethod({ channel, classId, methodId, args }: Method): Buffer {
  const frame = Buffer.alloc(7 + 4 + args.length + 1);
  frame[0] = methodFrame;
  frame.writeUInt16BE(channel, 1);
  frame.writeUInt32BE(4 + args.length, 3);
  frame.writeUInt16BE(classId, 7);
  frame.writeUInt16BE(methodId, 9);
  args.copy(frame, 11);
  frame[frame.length - 1] = frameEnd;
  return frame;
}

/** Takes a stream of bytes apart. Heartbeats and contents are skipped: nothing is ever consumed here. */
export class MethodReader {
  #rest: Buffer = Buffer.alloc(0);

  /** The methods that are complete now. Throws when the bytes are no frames of AMQP 0-9-1. */
  read(bytes: Buffer): Method[] {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const methods: Method[] = [];
    for (;;) {
      if (this.#rest.subarray(0, 4).toString('latin1') === 'AMQP') throw new Error('the broker speaks no AMQP 0-9-1');
      if (this.#rest.length < 7) return methods;
      const size = this.#rest.readUInt32BE(3);
      if (size > longestFrame) throw new Error('the broker speaks no AMQP 0-9-1');
      if (this.#rest.length < size + 8) return methods;
      const payload = this.#rest.subarray(7, 7 + size);
      if (this.#rest[7 + size] !== frameEnd) throw new Error('a frame of the broker has no end');
      if (this.#rest[0] === methodFrame && size >= 4) {
        const [channel, classId, methodId] = [
          this.#rest.readUInt16BE(1),
          payload.readUInt16BE(0),
          payload.readUInt16BE(2),
        ];
        methods.push({ channel, classId, methodId, args: payload.subarray(4) });
      }
      this.#rest = this.#rest.subarray(size + 8);
    }
  }
}

/** The short text at an offset, and the offset behind it. */
export function shortTextAt(bytes: Buffer, at: number): { readonly text: string; readonly end: number } {
  const end = at + 1 + (bytes[at] ?? 0);
  return { text: bytes.toString('utf8', at + 1, end), end };
}
