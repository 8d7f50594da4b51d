import type { Origin } from './outcome.ts';
import { types } from './rhea-internals.ts';

/** What a message says of itself before its body: all that a router reads. */
export interface Label {
  readonly to: string | undefined;
  readonly durable: boolean;
  readonly priority: number;
  /** Milliseconds that the message is worth something. */
  readonly ttl: number | undefined;
  readonly firstAcquirer: boolean;
  readonly deliveryCount: number;
  /** Where the bytes behind the header section begin. */
  readonly headerEnd: number;
}

/** A message on its way. Its bytes stay as they came but for the header of a redelivery. */
export class Parcel {
  readonly bytes: Buffer;
  readonly label: Label;
  /** Undefined for a copy of a fan-out, whose sender was told at once. */
  readonly origin: Origin | undefined;
  /** By the monotonic clock. */
  readonly expires: number;
  /** Place in its queue, given by the queue. */
  place = 0;
  #failures = 0;
  #returned = false;

  constructor(bytes: Buffer, label: Label, origin: Origin | undefined) {
    this.bytes = bytes;
    this.label = label;
    this.origin = origin;
    this.expires = label.ttl === undefined ? Number.POSITIVE_INFINITY : performance.now() + label.ttl;
  }

  /** False when its sender is gone or its time is over: it is not delivered any more. */
  get wanted(): boolean {
    return this.origin?.there !== false && this.expires > performance.now();
  }

  /** Somebody had it and gave it back, or died with it. */
  returned(failed: boolean): void {
    this.#returned = true;
    if (failed) this.#failures += 1;
  }

  /** The bytes for the next receiver: `first_acquirer` is true the first time and false from then on. */
  forDelivery(): Buffer {
    const first = !this.#returned;
    if (first && this.label.firstAcquirer) return this.bytes;
    const deliveryCount = this.label.deliveryCount + this.#failures;
    const header = headerSection({ ...this.label, firstAcquirer: first, deliveryCount });
    return Buffer.concat([header, this.bytes.subarray(this.label.headerEnd)]);
  }
}

const sections: Readonly<Record<string, number>> = { 'amqp:header:list': 0x70, 'amqp:properties:list': 0x73 };

/** Reads the sections before the body (AMQP 1.0, part 3.2). Throws for bytes that are no message. */
export function labelOf(bytes: Buffer): Label {
  const reader = new types.Reader(bytes);
  let header: unknown[] = [];
  let properties: unknown[] = [];
  let headerEnd = 0;
  while (reader.remaining() > 0) {
    const { descriptor, value } = reader.read();
    const code = typeof descriptor?.value === 'string' ? sections[descriptor.value] : descriptor?.value;
    if (code === 0x70 && Array.isArray(value)) {
      header = value;
      headerEnd = reader.position;
    } else if (code === 0x73 && Array.isArray(value)) {
      properties = value;
      break;
    } else if (code !== 0x71 && code !== 0x72) {
      break;
    }
  }
  const [durable, priority, ttl, firstAcquirer, deliveryCount] = header.map((field) => types.unwrap(field));
  const to = types.unwrap(properties[2]);
  return {
    to: typeof to === 'string' ? to : undefined,
    durable: Boolean(durable),
    priority: typeof priority === 'number' ? priority : 4,
    ttl: typeof ttl === 'number' ? ttl : undefined,
    firstAcquirer: Boolean(firstAcquirer),
    deliveryCount: typeof deliveryCount === 'number' ? deliveryCount : 0,
    headerEnd,
  };
}

/** `header` as a described list of five fields. */
function headerSection(label: Omit<Label, 'to' | 'headerEnd'>): Buffer {
  const ttl = label.ttl === undefined ? [0x40] : [0x70, ...uint(label.ttl)];
  const fields = [
    label.durable ? 0x41 : 0x42,
    ...[0x50, label.priority],
    ...ttl,
    label.firstAcquirer ? 0x41 : 0x42,
    ...[0x70, ...uint(label.deliveryCount)],
  ];
  return Buffer.from([0x00, 0x53, 0x70, 0xc0, fields.length + 1, 5, ...fields]);
}

function uint(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}
