import type { Logger, Logs } from '../base/log.ts';
import type { RpcTarget } from '../interface/rpc.ts';
import { backported } from '../objects/backport.ts';
import type { RequestContext } from '../objects/context.ts';
import { destinationOf } from './addressing.ts';
import { MessageUndeliverable } from './client-errors.ts';
import { encodeEnvelope, hexId, type Message, requestMessage } from './envelope.ts';
import type { Published } from './publisher.ts';
import { ReplyQueue } from './reply-queue.ts';
import type { TopologyOptions } from './topology.ts';
import type { Transport } from './transport.ts';

export interface RpcClientOptions {
  readonly transport: Transport;
  readonly controlExchange: string;
  readonly topology: TopologyOptions;
  readonly instance: string;
  /** `rpc_response_timeout`, in seconds. */
  readonly responseTimeout: number;
  readonly logs: Logs;
  /** The set of object versions that services of a topic can read; ours where absent. */
  readonly objectsFor?: (topic: string) => Promise<string>;
}

/** A request of ours. */
export interface OwnRequest {
  readonly method: string;
  /** The version that the request needs. */
  readonly version: string;
  readonly args: Message;
  readonly context: RequestContext;
}

export interface CastTerms {
  /** Seconds until it is given up; `rpc_response_timeout` if not said. */
  readonly within?: number;
  /** False for what the next one supersedes: not repeated when in doubt, dropped while the broker is away. */
  readonly again?: boolean;
}

export interface CallTerms {
  /** Seconds that an answer may take; `rpc_response_timeout` if not said. */
  readonly timeout?: number;
  /** Seconds between signs of life: a call that gives none for so long is given up. */
  readonly monitor?: number;
  /** Fails at once when nobody listens there, instead of after the timeout. */
  readonly mandatory?: boolean;
}

/** Sends requests to other services: casts, whose outcome at the broker is told, and calls, which are answered. */
export class RpcClient {
  readonly #options: RpcClientOptions;
  readonly #logger: Logger;
  #replies: ReplyQueue | undefined;

  constructor(options: RpcClientOptions) {
    this.#options = options;
    this.#logger = options.logs('oslo_messaging.rpc.client');
  }

  /**
   * Sends a request that is not answered, again with the same id while that is in doubt (M-43). Resolves with what became
   * of it: `accepted` by the broker, and on the embedded one by its receiver; `released`, where nobody listens; `rejected`
   * with a reason; `unknown` or `unsent` when its time is over (M-64). Never rejects.
   */
  async cast(target: RpcTarget, request: OwnRequest, terms: CastTerms = {}): Promise<Published> {
    const { controlExchange, responseTimeout, transport } = this.#options;
    const { within = responseTimeout, again = true } = terms;
    const body = encodeEnvelope(requestMessage(await this.#readable(target, request)));
    const publication = { to: destinationOf(target, controlExchange), body };
    return transport.publish(publication, { within: within * 1000, again, nowOrNever: !again, toSomebody: again });
  }

  /**
   * Sends a request and resolves with its answer. Rejects with the failure that the other side reports (`RemoteError`, under
   * the name that the class has there), with MessagingTimeout, or with MessageUndeliverable where that was asked for.
   */
  async call(target: RpcTarget, request: OwnRequest, terms: CallTerms, signal: AbortSignal): Promise<unknown> {
    const { controlExchange, responseTimeout, transport } = this.#options;
    const { timeout = responseTimeout, monitor = null, mandatory = false } = terms;
    signal.throwIfAborted();
    const readable = await this.#readable(target, request);
    const replies = await this.#replyQueue(timeout, signal);
    const reply = { queue: replies.name, msgId: hexId(), timeout: monitor };
    const answer = replies.expect(reply, timeout, signal);
    const body = encodeEnvelope(requestMessage(readable, reply));
    const ttl = timeout * 1000;
    const publication = { to: destinationOf(target, controlExchange), body, ttl };
    void transport.publish(publication, { within: ttl, again: true, toSomebody: mandatory }).then((published) => {
      if (published.outcome === 'accepted' || published.outcome === 'modified') return;
      const reason = 'reason' in published ? published.reason : 'nobody listens there';
      this.#logger.debug('Call of %s to %s: %s', request.method, publication.to.key, reason);
      if (mandatory && published.outcome !== 'unknown') {
        const text = `No service takes requests for ${publication.to.key}: ${reason}`;
        replies.fail(reply.msgId, new MessageUndeliverable(text));
      }
    });
    return await answer;
  }

  /** The request with its objects as the peer has them (objects.md §5.3). */
  async #readable({ topic }: RpcTarget, request: OwnRequest): Promise<OwnRequest> {
    const set = await this.#options.objectsFor?.(topic);
    return set === undefined ? request : { ...request, args: backported(request.args, set) as Message };
  }

  /** Ends what waits, and deletes the reply queue. */
  async close(): Promise<void> {
    await this.#replies?.close();
  }

  /** One queue for all answers, made at the first call (M-58). */
  async #replyQueue(timeout: number, signal: AbortSignal): Promise<ReplyQueue> {
    const { transport, topology, instance } = this.#options;
    this.#replies ??= new ReplyQueue(transport, topology, instance, this.#logger);
    await this.#replies.standing(timeout, signal);
    return this.#replies;
  }
}
