import type { Delivery, EventContext, Receiver, Sender, Session } from 'rhea';
import type { Incoming, Outgoing, ReceiverLink, SenderLink, Settlement } from './amqp.ts';

/** A receiver of rhea, alone in its session (messaging.md §7 no. 5). */
export class RheaReceiver implements ReceiverLink {
  readonly #session: Session;
  readonly #receiver: Receiver;
  #ended = false;

  constructor(session: Session, receiver: Receiver) {
    this.#session = session;
    this.#receiver = receiver;
  }

  get credit(): number {
    return this.#ended ? 0 : (this.#receiver as unknown as { credit: number }).credit;
  }

  grant(credit: number): void {
    if (!this.#ended && credit > 0) this.#receiver.add_credit(credit);
  }

  end(): void {
    this.#ended = true;
    endSession(this.#session, this.#receiver);
  }

  /**
   * rhea counts a receiver's deliveries from 0, while RabbitMQ 4.0 and 4.1 begin just below 2³²: the broker would send
   * more than was granted (§7 no. 3).
   */
  pinDeliveryCount(): void {
    const { remote } = this.#receiver as unknown as { remote: { attach: { initial_delivery_count?: number } } };
    let count = (remote.attach.initial_delivery_count ?? 0) >>> 0;
    Object.defineProperty(this.#receiver, 'delivery_count', {
      get: () => count,
      set: (value: number) => {
        count = value >>> 0;
      },
    });
  }

  arrived({ message, delivery }: EventContext, handle: (message: Incoming) => void): void {
    if (this.#ended || message === undefined || delivery === undefined) return;
    handle({
      body: bodyOf(message.body),
      redelivered: message.first_acquirer === false || (message.delivery_count ?? 0) > 0,
      accept: () => {
        if (!this.#ended && this.#session.is_open()) delivery.accept();
      },
    });
  }
}

/** A sender of rhea, alone in its session. */
export class RheaSender implements SenderLink {
  readonly #session: Session;
  readonly #sender: Sender;
  readonly #waiting = new Map<Delivery, (settlement: Settlement) => void>();

  constructor(session: Session, sender: Sender) {
    this.#session = session;
    this.#sender = sender;
    sender.on('accepted', (context: EventContext) => this.#settled(context, { outcome: 'accepted' }));
    sender.on('released', (context: EventContext) => this.#settled(context, { outcome: 'released' }));
    sender.on('modified', (context: EventContext) => this.#settled(context, { outcome: 'modified' }));
    sender.on('rejected', (context: EventContext) => this.#settled(context, rejection(context.delivery)));
  }

  get room(): boolean {
    return this.#session.is_open() && this.#sender.sendable();
  }

  get maxMessage(): number {
    return Number(this.#sender.max_message_size ?? 0) || 0;
  }

  send(message: Outgoing, settled: (settlement: Settlement) => void): void {
    this.#waiting.set(this.#sender.send(message as Parameters<Sender['send']>[0]), settled);
  }

  end(): void {
    endSession(this.#session, this.#sender);
  }

  #settled({ delivery }: EventContext, settlement: Settlement): void {
    if (delivery === undefined) return;
    const settled = this.#waiting.get(delivery);
    this.#waiting.delete(delivery);
    settled?.(settlement);
  }
}

/**
 * Ends a session with its links. A detach of the broker's that crosses our end needs no answer: rhea would send one, on a
 * session that is no more, and the broker would close the connection for it.
 */
export function endSession(session: Session, ...links: (Receiver | Sender)[]): void {
  session.close();
  for (const link of links) link.close = () => {};
}

/** Several data sections are one body (M-26); what is no data section is shown as the bytes of its text. */
function bodyOf(body: unknown): Buffer {
  const content = typeof body === 'object' && body !== null && 'content' in body ? body.content : body;
  if (Buffer.isBuffer(content)) return content;
  if (Array.isArray(content) && content.every((part) => Buffer.isBuffer(part))) return Buffer.concat(content);
  return Buffer.from(typeof content === 'string' ? content : '');
}

function rejection(delivery: Delivery | undefined): Settlement {
  const error: unknown = delivery?.remote_state?.['error'];
  const { condition, description } = (error ?? {}) as { condition?: unknown; description?: unknown };
  return { outcome: 'rejected', condition: String(condition ?? ''), reason: String(description ?? condition ?? '') };
}
