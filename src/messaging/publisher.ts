import { messageOf } from '../base/errors.ts';
import type { Destination } from './addressing.ts';
import type { SenderLink, Settlement } from './amqp.ts';
import { dataSection } from './amqp1.ts';
import type { Dialect } from './dialects.ts';

export interface Publication {
  readonly to: Destination;
  readonly body: Buffer;
  /** Milliseconds that the message is worth something to its receiver: calls only (M-21). */
  readonly ttl?: number;
}

/** How long and how often a publication is tried. */
export interface Terms {
  /** Milliseconds after which it is given up. */
  readonly within: number;
  /** Sent again when its connection was lost before it was settled: its receiver knows a copy by its id (M-43). */
  readonly again: boolean;
  /** Not worth waiting for: without a connection, or with a full queue, it is not sent at all. */
  readonly nowOrNever?: boolean;
  /** That nobody listens there is to be told (`released`) also on a broker that takes such messages in silence (M-54). */
  readonly toSomebody?: boolean;
}

/** What became of a publication. */
export type Published =
  | { readonly outcome: 'accepted' | 'released' | 'modified' }
  | { readonly outcome: 'rejected'; readonly reason: string }
  /** It was sent, and nobody said what became of it: it may have arrived. */
  | { readonly outcome: 'unknown'; readonly reason: string }
  /** It never left. */
  | { readonly outcome: 'unsent'; readonly reason: string };

/** What a publisher asks of the broker besides. Both may reject. */
export interface PublisherNeeds {
  /** Makes an exchange that is missing. */
  declareExchange(exchange: string): Promise<void>;
  hasQueue(queue: string): Promise<boolean>;
}

interface Item {
  readonly publication: Publication;
  readonly terms: Terms;
  /** When its time is over. */
  readonly until: number;
  /** When it is given up. */
  deadline: number;
  readonly resolve: (published: Published) => void;
  /** It left us at least once. */
  sent: boolean;
  /** The connection over which its exchange was declared again, which is done once on each. */
  redeclared: SenderLink | undefined;
  /** The connection over which its queue was asked for. */
  checked: SenderLink | undefined;
  over: boolean;
}

/** Bytes that may be under way at once: rhea holds back by number only (M-53). */
const bytesAtOnce = 16 * 2 ** 20;

/** Deliveries whose outcome nobody waits for any more; each of them holds a place in the session's ring (M-52). */
const mostForgotten = 1000;

/** How long the consumers of a router take to come back, and how often a message asks for them meanwhile. */
const settlingTime = 5000;
const settlingPause = 100;

/** A router releases what nobody took in its time: worth a moment, since that says for certain that nothing happened. */
const routersLastWord = 1000;

/** A message measures more than its body. */
const propertiesSize = 1024;

/**
 * Publishes one message after another over whatever connection there is. A publication waits for a connection, for
 * credit and for the broker's outcome, all within its terms.
 */
export class Publisher {
  readonly #needs: PublisherNeeds;
  readonly #longestTtl: number;
  #queue: Item[] = [];
  readonly #underWay = new Set<Item>();
  #bytes = 0;
  #forgotten = 0;
  #link: SenderLink | undefined;
  #dialect: Dialect | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #sweepAt = Number.POSITIVE_INFINITY;
  #idle: (() => void)[] = [];
  /** Until when a release may only mean that consumers are not back yet. */
  #settling = 0;
  /** Why nothing is published any more. */
  #closed: string | undefined;

  /** `longestTtl` holds where the broker only routes (M-63), in milliseconds. */
  constructor(needs: PublisherNeeds, longestTtl: number) {
    this.#needs = needs;
    this.#longestTtl = longestTtl;
  }

  /** Publications that are not settled yet. */
  get pending(): number {
    return this.#queue.length + this.#underWay.size;
  }

  publish(publication: Publication, terms: Terms): Promise<Published> {
    if (this.#closed !== undefined) return Promise.resolve({ outcome: 'unsent', reason: this.#closed });
    if (terms.nowOrNever && (this.#link === undefined || this.#isFull(publication))) {
      const reason = this.#link === undefined ? 'no connection to the broker' : 'the publish queue is full';
      return Promise.resolve({ outcome: 'unsent', reason });
    }
    return new Promise((resolve) => {
      const until = performance.now() + terms.within;
      this.#queue.push({
        publication,
        terms,
        until,
        deadline: until,
        resolve,
        sent: false,
        redeclared: undefined,
        checked: undefined,
        over: false,
      });
      this.#watch(until);
      this.pump();
    });
  }

  /**
   * A connection is there, with an open sender. `again`: there was one before. A router that comes back knows no queue
   * until its consumers are back as well: what it releases meanwhile is sent again.
   */
  attach(link: SenderLink, dialect: Dialect, again = false): void {
    this.#link = link;
    this.#dialect = dialect;
    this.#settling = dialect.routes && again ? performance.now() + settlingTime : 0;
    this.#forgotten = 0;
    this.pump();
  }

  /** The sender is gone: what it had under way is in doubt, and is sent again where its terms say so. */
  detach(reason: string): void {
    this.#link = undefined;
    const inDoubt = [...this.#underWay];
    this.#underWay.clear();
    this.#bytes = 0;
    this.#queue = [...inDoubt.filter(({ terms }) => terms.again), ...this.#queue];
    for (const item of inDoubt) if (!item.terms.again) this.#finish(item, { outcome: 'unknown', reason });
  }

  /** Sends what there is room for. */
  pump(): void {
    while (this.#link?.room) {
      const [item] = this.#queue;
      if (item === undefined || (this.#underWay.size > 0 && this.#isFull(item.publication))) return;
      this.#queue.shift();
      if (this.#mustBeChecked(item, this.#link)) void this.#check(item, this.#link);
      else this.#send(this.#link, item);
    }
  }

  /** Resolves when everything is settled, or when `ms` are over. */
  async flush(ms: number): Promise<void> {
    if (this.pending === 0) return;
    let late: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      late = setTimeout(resolve, ms);
      this.#idle.push(resolve);
    });
    clearTimeout(late);
  }

  /** Gives up everything that is not settled. */
  close(reason: string): void {
    this.#closed = reason;
    clearTimeout(this.#sweep);
    this.#link = undefined;
    for (const item of [...this.#underWay, ...this.#queue.splice(0)]) this.#giveUp(item, reason);
    this.#underWay.clear();
  }

  #isFull({ body }: Publication): boolean {
    return this.#bytes + body.length > bytesAtOnce;
  }

  #send(link: SenderLink, item: Item): void {
    const { to, body, ttl } = item.publication;
    if (this.#dialect === undefined) return;
    if (link.maxMessage > 0 && body.length + propertiesSize > link.maxMessage) {
      const reason = `a message of ${body.length} bytes, the broker takes ${link.maxMessage}`;
      this.#finish(item, { outcome: 'rejected', reason });
      return;
    }
    item.sent = true;
    this.#underWay.add(item);
    this.#bytes += body.length;
    const time = this.#timeToLive(this.#dialect, item, ttl);
    try {
      const message = {
        durable: true,
        first_acquirer: true,
        content_type: 'application/json',
        content_encoding: 'utf-8',
        ...this.#dialect.properties(to),
        ...(time === undefined ? {} : { ttl: time }),
        body: dataSection(body),
      };
      link.send(message, (settlement) => this.#settled(link, item, settlement));
    } catch (error) {
      // What cannot be written would take the connection down, and come again on the next one.
      this.#underWay.delete(item);
      this.#bytes -= body.length;
      this.#finish(item, { outcome: 'rejected', reason: messageOf(error) });
    }
  }

  /** Through a router everything has its time, else what nobody takes would block the session behind it. */
  #timeToLive(dialect: Dialect, item: Item, ttl: number | undefined): number | undefined {
    if (!dialect.routes) return ttl;
    const left = Math.max(1, Math.ceil(item.until - performance.now()));
    item.deadline = item.until + routersLastWord;
    return Math.min(ttl ?? left, left, this.#longestTtl);
  }

  #settled(link: SenderLink, item: Item, settlement: Settlement): void {
    if (link !== this.#link) return;
    if (item.over) {
      this.#forgotten -= 1;
      return;
    }
    this.#underWay.delete(item);
    this.#bytes -= item.publication.body.length;
    if (settlement.outcome === 'released' && item.terms.again && performance.now() < this.#settling) {
      setTimeout(() => this.#repeat(item), settlingPause);
    } else if (settlement.outcome !== 'rejected') this.#finish(item, settlement);
    else if (
      settlement.condition === 'amqp:not-found' &&
      item.redeclared !== link &&
      item.publication.to.exchange !== ''
    ) {
      void this.#declareAndRepeat(item, link);
    } else this.#finish(item, { outcome: 'rejected', reason: settlement.reason });
    this.pump();
  }

  #mustBeChecked({ terms, checked, publication }: Item, link: SenderLink): boolean {
    if (this.#dialect?.isSilent !== true || terms.toSomebody !== true || checked === link) return false;
    // A fan-out reaches whoever is there.
    return !publication.to.exchange.endsWith('_fanout');
  }

  /** A queue has the name of its key, on the control exchange as on the default one. */
  async #check(item: Item, link: SenderLink): Promise<void> {
    item.checked = link;
    this.#underWay.add(item);
    const missing = await this.#needs.hasQueue(item.publication.to.key).then(
      (there) => !there,
      () => false,
    );
    // The time of the item, or its connection, is over: what follows has been seen to.
    if (link !== this.#link || !this.#underWay.delete(item)) return;
    if (missing) this.#finish(item, { outcome: 'released' });
    else this.#repeat(item);
  }

  async #declareAndRepeat(item: Item, link: SenderLink): Promise<void> {
    item.redeclared = link;
    try {
      await this.#needs.declareExchange(item.publication.to.exchange);
      this.#repeat(item);
    } catch (error) {
      if (link === this.#link) this.#finish(item, { outcome: 'rejected', reason: messageOf(error) });
      else this.#repeat(item);
    }
  }

  #repeat(item: Item): void {
    if (this.#closed !== undefined) {
      this.#giveUp(item, this.#closed);
      return;
    }
    this.#queue.unshift(item);
    this.#watch(item.deadline);
    this.pump();
  }

  #finish(item: Item, published: Published): void {
    if (item.over) return;
    item.over = true;
    item.resolve(published);
    if (this.pending === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #giveUp(item: Item, reason: string): void {
    this.#finish(item, { outcome: item.sent ? 'unknown' : 'unsent', reason });
  }

  /** Sees to it that something looks at the deadlines when the first of them is due. */
  #watch(deadline: number): void {
    if (deadline >= this.#sweepAt) return;
    clearTimeout(this.#sweep);
    this.#sweepAt = deadline;
    this.#sweep = setTimeout(() => this.#sweepOverdue(), Math.max(1, deadline - performance.now()));
  }

  #sweepOverdue(): void {
    this.#sweepAt = Number.POSITIVE_INFINITY;
    const now = performance.now();
    for (const item of this.#underWay) {
      if (item.deadline > now) continue;
      this.#underWay.delete(item);
      this.#bytes -= item.publication.body.length;
      this.#forgotten += 1;
      this.#giveUp(item, 'the broker did not settle it in time');
    }
    const overdue = this.#queue.filter((item) => item.deadline <= now);
    if (overdue.length > 0) this.#queue = this.#queue.filter((item) => item.deadline > now);
    for (const item of overdue) this.#giveUp(item, 'no connection to the broker, or no credit, in time');
    for (const item of [...this.#underWay, ...this.#queue]) this.#watch(item.deadline);
    if (this.#forgotten > mostForgotten) this.#link?.end();
  }
}
