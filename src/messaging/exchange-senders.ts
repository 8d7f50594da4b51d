import { messageOf } from '../base/errors.ts';
import {
  type AmqpConnection,
  AmqpFailure,
  type Outgoing,
  type SenderEvents,
  type SenderLink,
  type Settlement,
} from './amqp.ts';

interface Waiting {
  readonly message: Outgoing;
  readonly settled: (settlement: Settlement) => void;
}

/** Messages that may be handed over before their links took them: what they measure is limited by who hands them over. */
const mostWaiting = 1000;

/**
 * One sender to look at, and one for each address behind it, opened when it is first needed, each in a session of its own:
 * RabbitMQ 3.x has no anonymous sender (M-50). `to` of a message is the address of its sender, and does not travel.
 */
export class ExchangeSenders implements SenderLink {
  readonly #connection: AmqpConnection;
  readonly #on: SenderEvents;
  readonly #lines = new Map<string, Line>();
  #ended = false;

  constructor(connection: AmqpConnection, on: SenderEvents) {
    this.#connection = connection;
    this.#on = on;
  }

  get room(): boolean {
    let waiting = 0;
    for (const line of this.#lines.values()) waiting += line.waiting;
    return !this.#ended && waiting < mostWaiting;
  }

  get maxMessage(): number {
    return 0;
  }

  send({ to = '', ...message }: Outgoing, settled: (settlement: Settlement) => void): void {
    const line = this.#lines.get(to) ?? this.#begin(to);
    line.send({ message, settled });
  }

  end(): void {
    this.#ended = true;
    for (const line of this.#lines.values()) line.end();
    this.#lines.clear();
  }

  #begin(address: string): Line {
    const line = new Line(this.#connection, address, {
      room: () => this.#on.room(),
      ended: (reason) => this.#lost(address, line, reason),
    });
    this.#lines.set(address, line);
    return line;
  }

  /** That an exchange is missing concerns the messages for it; anything else is the end of all. */
  #lost(address: string, line: Line, reason: AmqpFailure): void {
    if (this.#ended || this.#lines.get(address) !== line) return;
    this.#lines.delete(address);
    if (reason.condition === 'amqp:not-found') {
      line.fail({ outcome: 'rejected', condition: reason.condition, reason: reason.message });
      return;
    }
    this.end();
    this.#on.ended(reason);
  }
}

/** The sender of one address, with what waits for it and what is under way by it. */
class Line {
  readonly #waiting: Waiting[] = [];
  readonly #underWay = new Set<Waiting>();
  #link: SenderLink | undefined;
  #over = false;

  constructor(connection: AmqpConnection, address: string, on: SenderEvents) {
    const events = {
      room: () => {
        this.#pump();
        on.room();
      },
      ended: (reason: AmqpFailure) => on.ended(reason),
    };
    connection.openSender(address, events).then(
      (link) => this.#opened(link),
      (error: unknown) => on.ended(error instanceof AmqpFailure ? error : new AmqpFailure(messageOf(error))),
    );
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  send(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#pump();
  }

  /** Every message that the broker did not settle is. */
  fail(settlement: Settlement): void {
    this.#over = true;
    for (const { settled } of [...this.#underWay, ...this.#waiting.splice(0)]) settled(settlement);
  }

  end(): void {
    this.#over = true;
    this.#link?.end();
  }

  #opened(link: SenderLink): void {
    if (this.#over) {
      link.end();
      return;
    }
    this.#link = link;
    this.#pump();
  }

  #pump(): void {
    while (!this.#over && this.#link?.room) {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) return;
      this.#underWay.add(waiting);
      this.#link.send(waiting.message, (settlement) => {
        if (this.#underWay.delete(waiting)) waiting.settled(settlement);
      });
    }
  }
}
