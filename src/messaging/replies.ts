import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { backported } from '../objects/backport.ts';
import { toQueue } from './addressing.ts';
import { encodeEnvelope, type ReplyAddress, replyMessage } from './envelope.ts';
import { encodeFailure, type Mask } from './failure.ts';
import type { Transport } from './transport.ts';

/** What a call is answered with. */
export type Answer = { readonly result: unknown } | { readonly failure: unknown };

/** Queues that are known to be gone, as many and as long as oslo.messaging knows them (M-51). */
const obsolete = { most: 200, milliseconds: 60_000 };

/**
 * Answers that may wait for a missing queue at once: each is published four times a second, and whoever asks by names that
 * are nobody's must not keep us from answering the others.
 */
const mostWaiting = 256;

/** Sends answers until the broker has them, and signs of life to callers who monitor their call (M-23). */
export class Replies {
  readonly #transport: Pick<Transport, 'publish'>;
  readonly #mask: Mask;
  readonly #logger: Logger;
  readonly #patience: number;
  readonly #objects: (() => Promise<string>) | undefined;
  readonly #gone = new Map<string, number>();
  readonly #waiting = new Set<ReplyAddress>();

  /**
   * `patience`: milliseconds that an answer is tried, also while its queue is missing. `objects` names the set of object
   * versions that every caller can read (objects.md §5.3).
   */
  constructor(
    transport: Pick<Transport, 'publish'>,
    mask: Mask,
    logger: Logger,
    patience: number,
    objects?: () => Promise<string>,
  ) {
    this.#transport = transport;
    this.#mask = mask;
    this.#logger = logger;
    this.#patience = patience;
    this.#objects = objects;
  }

  /** Answers a call: computed once, with one id, sent again when in doubt. Resolves when it arrived or was given up. */
  async send(reply: ReplyAddress, answer: Answer, signal: AbortSignal): Promise<void> {
    const body = this.#encoded(reply, await this.#readable(answer));
    await this.#deliver(reply, body, signal).finally(() => this.#waiting.delete(reply));
  }

  /** Tells a caller twice in the time that it waits between signs of life that its call goes on; ends by what is returned. */
  keepAlive(reply: ReplyAddress): () => void {
    // A timer for longer would run out at once.
    const interval = Math.min(((reply.timeout ?? 0) * 1000) / 2, 2 ** 31 - 1);
    if (interval < 1000) return () => {};
    const beat = (): void => {
      const body = encodeEnvelope(replyMessage(reply, { ending: false }));
      void this.#transport.publish(
        { to: toQueue(reply.queue), body },
        { within: interval, again: false, nowOrNever: true },
      );
    };
    const timer = setInterval(beat, interval);
    return () => clearInterval(timer);
  }

  async #deliver(reply: ReplyAddress, body: Buffer, signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + this.#patience;
    while (!signal.aborted && !this.#isGone(reply.queue)) {
      const within = deadline - performance.now();
      const terms = { within, again: true, toSomebody: true };
      const published = await this.#transport.publish({ to: toQueue(reply.queue), body }, terms);
      if ('reason' in published) return this.#giveUp(reply, published.reason);
      if (published.outcome !== 'released') return;
      if (deadline - performance.now() < 250) {
        this.#remember(reply.queue);
        return this.#giveUp(reply, 'the queue does not exist');
      }
      if (!this.#waiting.has(reply) && this.#waiting.size >= mostWaiting) {
        return this.#giveUp(reply, 'the queue does not exist, and too many answers wait for theirs');
      }
      this.#waiting.add(reply);
      await sleep(250, undefined, { signal }).catch(() => {});
    }
  }

  async #readable(answer: Answer): Promise<Answer> {
    const set = 'result' in answer ? await this.#objects?.() : undefined;
    return 'result' in answer && set !== undefined ? { result: backported(answer.result, set) } : answer;
  }

  #encoded(reply: ReplyAddress, answer: Answer): Buffer {
    const failed = (error: unknown) =>
      encodeEnvelope(replyMessage(reply, { failure: encodeFailure(error, this.#mask), ending: true }));
    if ('failure' in answer) return failed(answer.failure);
    try {
      return encodeEnvelope(replyMessage(reply, { result: answer.result, ending: true }));
    } catch (error) {
      return failed(new Error(`the result cannot be written as JSON: ${messageOf(error)}`, { cause: error }));
    }
  }

  #isGone(queue: string): boolean {
    const since = this.#gone.get(queue);
    if (since === undefined) return false;
    if (performance.now() - since < obsolete.milliseconds) return true;
    this.#gone.delete(queue);
    return false;
  }

  #giveUp({ queue, msgId }: ReplyAddress, reason: string): void {
    this.#logger.warning('The reply %s to queue %s could not be sent: %s', msgId, queue, reason);
  }

  #remember(queue: string): void {
    this.#gone.set(queue, performance.now());
    const [oldest] = this.#gone.keys();
    if (this.#gone.size > obsolete.most && oldest !== undefined) this.#gone.delete(oldest);
  }
}
