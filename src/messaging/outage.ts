import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { BrokerAddress } from './connection-plan.ts';

/** An outage that goes on is told again no sooner (G-062). */
const again = 10_000;

/** Tells the log of a broker that cannot be reached, and of its return: a line each, with the texts that operators know (M-46). */
export class Outage {
  readonly #logger: Logger;
  readonly #name: string;
  #reason: Error | undefined;
  #told = Number.NEGATIVE_INFINITY;
  #connectedBefore = false;

  constructor(logger: Logger, name: string) {
    this.#logger = logger;
    this.#name = name;
  }

  /** Why there is no connection; undefined while there is one. */
  get reason(): Error | undefined {
    return this.#reason;
  }

  /** A connection failed or was lost; the next try follows in `wait` milliseconds. */
  note(reason: Error, { host, port }: BrokerAddress, wait: number): void {
    const seconds = Math.ceil(wait / 1000);
    const isNew = this.#reason?.message !== reason.message;
    this.#reason = reason;
    if (!isNew && performance.now() - this.#told < again) return;
    this.#told = performance.now();
    const text = reason.message;
    if (this.#connectedBefore) {
      const template = '[%s] AMQP server on %s:%s is unreachable: %s. Trying again in %d seconds.';
      this.#logger.error(template, this.#name, host, port, text, seconds);
    } else {
      this.#logger.error('Connection failed: %s (retrying in %s seconds)', `${host}:${port}: ${text}`, seconds);
    }
  }

  /** A connection stands. */
  over(host: string, port: number, localPort: number): void {
    const line = [this.#name, host, port, 'amqp', localPort] as const;
    if (this.#connectedBefore || this.#reason !== undefined) {
      this.#logger.info('[%s] Reconnected to AMQP server on %s:%s via [%s] client with port %s.', ...line);
    } else {
      this.#logger.debug('[%s] Connected to AMQP server on %s:%s via [%s] client with port %s.', ...line);
    }
    this.#connectedBefore = true;
    this.#reason = undefined;
    this.#told = Number.NEGATIVE_INFINITY;
  }
}

/** What rhea or the broker said, with what an operator can do about it. */
export function explain(reason: unknown, { user }: BrokerAddress): Error {
  const text = messageOf(reason);
  if (/^Failed to authenticate/.test(text)) return new Error(`login of user '${user}' was refused`, { cause: reason });
  if (/Unsupported AMQP version: 0-9-1/.test(text)) {
    const remedy = 'on RabbitMQ 3.x run: rabbitmq-plugins enable rabbitmq_amqp1_0';
    return new Error(`the broker does not speak AMQP 1.0 (${text}); ${remedy}`, { cause: reason });
  }
  return reason instanceof Error ? reason : new Error(text);
}
