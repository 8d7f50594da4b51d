import type { Delivery, EventContext, Sender } from 'rhea';
import type { Outcome } from './outcome.ts';
import type { Parcel } from './parcel.ts';
import type { Queue, Taker } from './queue.ts';
import { flowOf, settle } from './rhea-internals.ts';

/** A peer that takes messages from a queue: one link, with the credit that it gave. */
export class Consumer implements Taker {
  readonly #sender: Sender;
  readonly #queue: Queue;
  readonly #inHand = new Map<Delivery, Parcel>();
  #sent = 0;
  /** Credit that a drain took back: rhea counts it as deliveries. */
  #drained = 0;
  #draining = false;

  constructor(sender: Sender, queue: Queue) {
    this.#sender = sender;
    this.#queue = queue;
    sender.on('sendable', () => queue.dispatch());
    sender.on('sender_draining', () => this.#drain());
    sender.on('accepted', (context: EventContext) => this.#settled(context, { verb: 'accept' }));
    sender.on('rejected', (context: EventContext) => this.#settled(context, rejection(context)));
    sender.on('released', (context: EventContext) => this.#returned(context, false));
    sender.on('modified', (context: EventContext) => this.#modified(context));
    sender.on('settled', (context: EventContext) => this.#returned(context, false));
  }

  get ready(): boolean {
    if (this.#draining) {
      if (flowOf(this.#sender).credit > 0) return false;
      this.#draining = false;
    }
    const { credit, delivery_count } = flowOf(this.#sender);
    const unwritten = this.#sent + this.#drained - delivery_count;
    return credit > unwritten && this.#sender.is_open() && this.#sender.sendable();
  }

  give(parcel: Parcel): void {
    this.#sent += 1;
    this.#inHand.set(this.#sender.send(parcel.forDelivery(), undefined, 0), parcel);
  }

  /** The link is gone: what it had in hand goes back to the queue. */
  leave(): void {
    const parcels = [...this.#inHand.values()];
    this.#inHand.clear();
    this.#queue.detach(this, parcels);
  }

  /** The queue is gone, and the peer is told. What it has in hand it may still settle until its session ends. */
  dismiss(): void {
    if (!this.#sender.is_open()) return;
    this.#sender.close({ condition: 'amqp:resource-deleted', description: `queue ${this.#queue.name} was deleted` });
  }

  #settled({ delivery }: EventContext, outcome: Outcome): void {
    this.#take(delivery)?.origin?.settle(outcome);
  }

  #returned({ delivery }: EventContext, failed: boolean): void {
    const parcel = this.#take(delivery);
    if (parcel === undefined) return;
    parcel.returned(failed);
    this.#queue.takeBack([parcel]);
  }

  /** "Not here" is the end of it, as on RabbitMQ; anything else is another try. */
  #modified(context: EventContext): void {
    const state = context.delivery?.remote_state;
    if (state?.['undeliverable_here'] === true) this.#settled(context, { verb: 'modified' });
    else this.#returned(context, state?.['delivery_failed'] === true);
  }

  #take(delivery: Delivery | undefined): Parcel | undefined {
    if (delivery === undefined) return undefined;
    const parcel = this.#inHand.get(delivery);
    this.#inHand.delete(delivery);
    if (!delivery.remote_settled && !delivery.settled) settle(delivery);
    return parcel;
  }

  /** Gives what there is, then hands the rest of the credit back. */
  #drain(): void {
    this.#queue.dispatch();
    const { credit, delivery_count } = flowOf(this.#sender);
    const unwritten = this.#sent + this.#drained - delivery_count;
    this.#draining = true;
    this.#drained += Math.max(0, credit - unwritten);
    this.#sender.set_drained(true);
  }
}

function rejection({ delivery }: EventContext): Outcome {
  const error: unknown = delivery?.remote_state?.['error'];
  const { condition, description } = (error ?? {}) as { condition?: unknown; description?: unknown };
  return {
    verb: 'reject',
    condition: typeof condition === 'string' ? condition : 'amqp:internal-error',
    description: typeof description === 'string' ? description : 'the receiver rejected it',
  };
}
