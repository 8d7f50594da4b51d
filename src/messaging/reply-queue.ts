import { abortable } from '../base/abortable.ts';
import type { Logger } from '../base/log.ts';
import type { Incoming } from './amqp.ts';
import { MessagingTimeout } from './client-errors.ts';
import { Consumers, type OpenQueue } from './consumers.ts';
import { BadMessage, decodeEnvelope, type Message, type ReplyAddress } from './envelope.ts';
import { decodeFailure } from './failure.ts';
import { replyTopology, type TopologyOptions } from './topology.ts';
import type { Transport } from './transport.ts';

/** Answers that may come at once; they are settled on receipt. */
const credit = 100;

interface Waiter {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  /** A sign of life came. */
  readonly alive: () => void;
  /** The last result that came: older peers send it before the message that ends the call. */
  result: unknown;
}

/** The queue that answers to our calls come to, under one name for as long as the process lives (M-58). */
export class ReplyQueue {
  readonly name: string;
  readonly #transport: Transport;
  readonly #logger: Logger;
  readonly #consumers: Consumers;
  readonly #own: readonly string[];
  readonly #waiters = new Map<string, Waiter>();
  readonly #standing: Promise<void>;

  constructor(transport: Transport, options: TopologyOptions, instance: string, logger: Logger) {
    const topology = replyTopology(options, instance);
    const events = {
      opened: (queue: OpenQueue) => queue.grant(credit),
      message: (message: Incoming, queue: OpenQueue) => this.#receive(message, queue),
      lost: () => {},
    };
    this.name = topology.queue;
    this.#own = topology.own;
    this.#transport = transport;
    this.#logger = logger;
    this.#consumers = new Consumers(topology, [topology.queue], events, logger);
    this.#standing = transport.attach(this.#consumers);
  }

  /** Resolves when the queue has been there; rejects with MessagingTimeout after `seconds` without a broker. */
  standing(seconds: number, signal: AbortSignal): Promise<void> {
    return limited(this.#standing, seconds, signal, () => new MessagingTimeout('No connection to the broker'));
  }

  /** The answer to a call, which may take `seconds` altogether and its monitor's time between signs of life. */
  expect(reply: ReplyAddress, seconds: number, signal: AbortSignal): Promise<unknown> {
    const { msgId, timeout: monitor } = reply;
    const tooLate = () => new MessagingTimeout(`Timed out waiting for a reply to message ID ${msgId}`);
    let silence: NodeJS.Timeout | undefined;
    const answer = new Promise<unknown>((resolve, reject) => {
      const alive = (): void => {
        clearTimeout(silence);
        if (monitor !== null) silence = setTimeout(() => reject(tooLate()), monitor * 1000);
      };
      alive();
      this.#waiters.set(msgId, { resolve, reject, alive, result: null });
    });
    return limited(answer, seconds, signal, tooLate).finally(() => {
      clearTimeout(silence);
      this.#waiters.delete(msgId);
    });
  }

  /** Ends the wait for an answer that will not come. */
  fail(msgId: string, error: Error): void {
    this.#waiters.get(msgId)?.reject(error);
  }

  async close(): Promise<void> {
    for (const { reject } of this.#waiters.values()) reject(new MessagingTimeout('The transport was closed'));
    this.#transport.detach(this.#consumers);
    await this.#consumers.close(this.#own);
  }

  #receive(message: Incoming, queue: OpenQueue): void {
    message.accept();
    if (queue.credit < credit / 2) queue.grant(credit - queue.credit);
    try {
      this.#deliver(decodeEnvelope(message.body));
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      this.#logger.error('Dropped a reply: %s', error.message);
    }
  }

  #deliver(message: Message): void {
    const { _msg_id: msgId, failure = null, result = null, ending } = message as Record<string, unknown>;
    const waiter = this.#waiters.get(String(msgId));
    if (waiter === undefined) {
      this.#logger.debug('No calling threads waiting for msg_id : %s', msgId);
      return;
    }
    if (result !== null) waiter.result = result;
    if (failure !== null) waiter.reject(decodeFailure(failure));
    else if (ending === true) waiter.resolve(waiter.result);
    else waiter.alive();
  }
}

/** Waits `seconds` at most, or until somebody has enough of it. */
async function limited<T>(promise: Promise<T>, seconds: number, signal: AbortSignal, tooLate: () => Error): Promise<T> {
  let late: NodeJS.Timeout | undefined;
  const overdue = new Promise<never>((_, reject) => {
    late = setTimeout(() => reject(tooLate()), seconds * 1000);
  });
  try {
    return await abortable(Promise.race([promise, overdue]), signal);
  } finally {
    clearTimeout(late);
  }
}
