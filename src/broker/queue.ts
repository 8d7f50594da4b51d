import type { Parcel } from './parcel.ts';

/** Who takes messages from a queue. */
export interface Taker {
  /** Whether one more message may be given now. */
  readonly ready: boolean;
  give(parcel: Parcel): void;
  /** The queue is gone. */
  dismiss(): void;
}

export interface QueueSettings {
  readonly durable: boolean;
  readonly auto_delete: boolean;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** How much may wait in one queue (M-63). */
export interface QueueLimits {
  readonly deliveries: number;
  readonly bytes: number;
}

/** The longest time that a timer of Node takes, in milliseconds. */
const longest = 2 ** 31 - 1;

/**
 * Hands messages to its consumers in turn, in the order in which they came. What nobody takes yet waits here unsettled,
 * and is still its sender's (M-63).
 */
export class Queue {
  readonly name: string;
  readonly settings: QueueSettings;
  readonly #limits: QueueLimits;
  readonly #onUnused: () => void;
  #waiting: Parcel[] = [];
  readonly #consumers: Taker[] = [];
  #bytes = 0;
  #turn = 0;
  #places = 0;
  #unused: NodeJS.Timeout | undefined;
  #overdue: NodeJS.Timeout | undefined;
  #overdueAt = Number.POSITIVE_INFINITY;
  #closed = false;

  /** `onUnused` is called when the queue has outlived its consumers, by its settings. */
  constructor(name: string, settings: QueueSettings, limits: QueueLimits, onUnused: () => void) {
    this.name = name;
    this.settings = settings;
    this.#limits = limits;
    this.#onUnused = onUnused;
    this.touch();
  }

  /** Messages that wait for a consumer. */
  get depth(): number {
    return this.#waiting.length;
  }

  get consumerCount(): number {
    return this.#consumers.length;
  }

  /** Somebody used the queue without consuming: `x-expires` begins anew. */
  touch(): void {
    clearTimeout(this.#unused);
    const expires = this.settings.arguments['x-expires'];
    if (this.#consumers.length > 0 || typeof expires !== 'number') return;
    this.#unused = setTimeout(this.#onUnused, Math.min(expires, longest));
  }

  /** Takes a message in. False when no more may wait: it is not taken. */
  offer(parcel: Parcel): boolean {
    const consumer = this.#waiting.length === 0 ? this.#next() : undefined;
    parcel.place = ++this.#places;
    if (consumer !== undefined) {
      consumer.give(parcel);
      return true;
    }
    const full = this.#waiting.length >= this.#limits.deliveries;
    if (full || this.#bytes + parcel.bytes.length > this.#limits.bytes) return false;
    this.#waiting.push(parcel);
    this.#bytes += parcel.bytes.length;
    this.#watch(parcel);
    return true;
  }

  attach(consumer: Taker): void {
    this.#consumers.push(consumer);
    this.touch();
    this.dispatch();
  }

  /** A consumer is gone; `inHand` is what it had and did not settle. */
  detach(consumer: Taker, inHand: readonly Parcel[]): void {
    const index = this.#consumers.indexOf(consumer);
    if (index >= 0) this.#consumers.splice(index, 1);
    for (const parcel of inHand) parcel.returned(true);
    this.takeBack(inHand);
    if (this.#closed || this.#consumers.length > 0) return;
    if (this.settings.auto_delete) this.#onUnused();
    else this.touch();
  }

  /** Puts messages back where they stood, and gives them to whoever is next. */
  takeBack(parcels: readonly Parcel[]): void {
    if (this.#closed) {
      for (const parcel of parcels) parcel.origin?.settle({ verb: 'release' });
      return;
    }
    for (const parcel of parcels) {
      const behind = this.#waiting.findIndex(({ place }) => place > parcel.place);
      this.#waiting.splice(behind < 0 ? this.#waiting.length : behind, 0, parcel);
      this.#bytes += parcel.bytes.length;
    }
    this.dispatch();
    for (const parcel of parcels) this.#watch(parcel);
  }

  /** Gives out what waits, as far as the consumers' credit goes. */
  dispatch(): void {
    while (this.#waiting.length > 0) {
      const consumer = this.#next();
      if (consumer === undefined) return;
      const parcel = this.#waiting.shift();
      if (parcel === undefined) return;
      this.#bytes -= parcel.bytes.length;
      if (parcel.wanted) consumer.give(parcel);
      else parcel.origin?.settle({ verb: 'release' });
    }
  }

  /** Drops what is not wanted any more: its time is over, or its sender is gone. */
  sweep(): void {
    const parcels = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    for (const parcel of parcels) {
      if (parcel.wanted) {
        this.#waiting.push(parcel);
        this.#bytes += parcel.bytes.length;
      } else parcel.origin?.settle({ verb: 'release' });
    }
  }

  /** The end of the queue: its consumers are told, and so are the senders of what waits. */
  close(): void {
    clearTimeout(this.#unused);
    clearTimeout(this.#overdue);
    this.#closed = true;
    for (const consumer of this.#consumers.splice(0)) consumer.dismiss();
    for (const parcel of this.#waiting.splice(0)) parcel.origin?.settle({ verb: 'release' });
    this.#bytes = 0;
  }

  #next(): Taker | undefined {
    for (let tried = 0; tried < this.#consumers.length; tried++) {
      const consumer = this.#consumers[this.#turn++ % this.#consumers.length];
      if (consumer?.ready) return consumer;
    }
    return undefined;
  }

  /** Sees to it that a message which waits is released when its time is over. */
  #watch(parcel: Parcel): void {
    if (parcel.expires >= this.#overdueAt || this.#waiting.length === 0) return;
    clearTimeout(this.#overdue);
    this.#overdueAt = parcel.expires;
    const wait = Math.min(longest, Math.max(0, Math.ceil(parcel.expires - performance.now())));
    this.#overdue = setTimeout(() => {
      this.#overdueAt = Number.POSITIVE_INFINITY;
      this.sweep();
      for (const waiting of this.#waiting) this.#watch(waiting);
    }, wait);
  }
}
