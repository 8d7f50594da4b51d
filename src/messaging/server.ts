import { abortable } from '../base/abortable.ts';
import type { Logger, Logs } from '../base/log.ts';
import type { RpcEndpoint, RunningOperation } from '../interface/rpc.ts';
import type { RpcServerName } from './addressing.ts';
import { Consumers, type OpenQueue } from './consumers.ts';
import { dispatcher } from './dispatcher.ts';
import { Executions, type Observe } from './executions.ts';
import type { Mask } from './failure.ts';
import { Probe, type ProbeResult } from './probe.ts';
import { Reception } from './reception.ts';
import { Records } from './records.ts';
import { Replies } from './replies.ts';
import { type ServerTopology, serverTopology, type TopologyOptions } from './topology.ts';
import type { Transport } from './transport.ts';

export interface RpcServerOptions {
  readonly transport: Transport;
  /** The names it is known by: `volumeServers(host)`. */
  readonly servers: readonly RpcServerName[];
  readonly controlExchange: string;
  readonly endpoint: RpcEndpoint;
  readonly topology: TopologyOptions;
  /** Tells this process from its neighbours where queue names stay the same over restarts: the backend. */
  readonly instance: string;
  /** `executor_thread_pool_size`. */
  readonly slots: number;
  /** `rabbit_qos_prefetch_count`; 0 is as many as there are slots. */
  readonly prefetch: number;
  /** `rpc_response_timeout`, in seconds. */
  readonly responseTimeout: number;
  /** `kombu_missing_consumer_retry_timeout`, in seconds. */
  readonly replyTimeout: number;
  /** `rpc_ping_enabled`. */
  readonly ping: boolean;
  /** Resolves when the database answers: asked after a long outage. */
  readonly databaseAnswers: () => Promise<unknown>;
  /** Replaces secrets in what callers are told. */
  readonly mask: Mask;
  readonly logs: Logs;
  /** The set of object versions that every caller can read; ours where absent. */
  readonly objects?: () => Promise<string>;
  readonly observe?: Observe;
  /** For tests; the presets are those of rpc.md §2.3. */
  readonly times?: Partial<RpcServerTimes>;
}

/** Milliseconds. */
interface RpcServerTimes {
  /** The database is away so long that the broker gets the queues back. */
  readonly databasePatience: number;
  /** A cast that waited so long for a slot goes back, to come anew. */
  readonly longestWait: number;
  /** How often unsettled deliveries are looked through, while there are any. */
  readonly lookEvery: number;
}

/** What the service must know of its consumers (manager.md §2.6, O-10). */
export type RpcServerEvent =
  | { readonly type: 'consuming' }
  | { readonly type: 'consumer lost'; readonly queue: string; readonly reason: string };

const presets: RpcServerTimes = { databasePatience: 30_000, longestWait: 600_000, lookEvery: 5000 };

/** Starts to serve. Resolves when every queue is consumed; rejects when `signal` aborts first, and leaves nothing behind. */
export async function startRpcServer(options: RpcServerOptions, signal: AbortSignal): Promise<RpcServer> {
  signal.throwIfAborted();
  const server = new RpcServer(options);
  try {
    await abortable(server.consumingOnce, signal);
    return server;
  } catch (error) {
    await server.close();
    throw error;
  }
}

/**
 * Receives requests and sees to it that each is executed once: receive, slot, decode, record, accept, execute, reply
 * (rpc.md §2.3). A request is accepted when the database knows it, not when it arrives and not when it is done.
 */
export class RpcServer implements AsyncDisposable {
  readonly consumingOnce: Promise<void>;
  readonly #options: RpcServerOptions;
  readonly #logger: Logger;
  readonly #topology: ServerTopology;
  readonly #consumers: Consumers;
  readonly #records: Records;
  readonly #executions: Executions;
  readonly #reception: Reception;
  readonly #probe: Probe;
  readonly #listeners = new Set<(event: RpcServerEvent) => void>();
  /** Why nothing is consumed: somebody drains us, or the database is away for long. */
  readonly #pauses = new Set<'drain' | 'database'>();
  #breaks = 0;
  #closing: Promise<void> | undefined;

  /** Begins to consume as soon as the transport stands. */
  constructor(options: RpcServerOptions) {
    const { transport, mask, replyTimeout, slots, prefetch, responseTimeout, observe = () => {} } = options;
    const { databasePatience, longestWait, lookEvery } = { ...presets, ...options.times };
    const logger = options.logs('oslo_messaging.rpc.server');
    this.#options = options;
    this.#logger = logger;
    this.#topology = serverTopology(options.servers, options.controlExchange, options.topology, options.instance);
    const outage = { away: () => this.#pause('database'), back: () => void this.#unpause('database') };
    const records = new Records(options.databaseAnswers, outage, logger, databasePatience);
    const replies = new Replies(transport, mask, logger, replyTimeout * 1000, options.objects);
    this.#records = records;
    this.#executions = new Executions(slots, { records, replies, logger, observe }, () => this.#reception.ask());
    this.#probe = new Probe(transport, this.#probedQueue, logger);
    this.#reception = new Reception(
      { credit: prefetch || slots, callerPatience: responseTimeout * 1000, longestWait, lookEvery, mask, logger },
      {
        executions: this.#executions,
        dispatch: dispatcher(options.endpoint, { ping: options.ping }),
        probe: this.#probe,
        renew: (queue) => this.#consumers.renew(queue),
        mayAsk: () => !records.isAway && this.#pauses.size === 0,
      },
    );
    this.#consumers = new Consumers(
      this.#topology,
      this.#topology.consumed,
      {
        opened: (queue) => this.#opened(queue),
        message: (message, queue) => this.#reception.receive(message, queue),
        lost: (queue, reason) => this.#lost(queue, reason),
      },
      logger,
    );
    this.consumingOnce = transport.attach(this.#consumers);
  }

  /** The requests that hold a slot, oldest first. */
  running(): RunningOperation[] {
    return this.#executions.running();
  }

  /** Whether every queue is consumed. */
  get consuming(): boolean {
    return this.#consumers.standing;
  }

  /** How often a consumer was lost since the start: between two looks with the same number none was (manager.md §2.6). */
  get breaks(): number {
    return this.#breaks;
  }

  /** Casts that wait for a slot. */
  get waitingCasts(): number {
    return this.#executions.waitingCasts;
  }

  /** Whether a request about this resource holds a slot. What waits for one has not been read so far. */
  concerns(about: string): boolean {
    return this.#executions.concerns(about);
  }

  /** Messages that wait at the broker in the queues that peers address. Rejects without a connection. */
  async depth(): Promise<number> {
    const shared = this.#topology.bindings.filter(({ exchange }) => exchange === this.#options.controlExchange);
    const depths = await Promise.all(shared.map(({ queue }) => this.#options.transport.depth(queue)));
    return depths.reduce((sum: number, depth) => sum + (depth ?? 0), 0);
  }

  /** Calls `listener` at each event, until the function that is returned is called. */
  onEvent(listener: (event: RpcServerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Sends a message to our own queue and waits for it (O-10). A consumer through which nothing comes any more is opened
   * again, and counts as lost. While no message is asked for nothing can be proved: then the answer is `busy`.
   */
  async probe(signal: AbortSignal): Promise<ProbeResult> {
    if (this.#pauses.size > 0) return 'busy';
    const name = this.#probedQueue;
    const intake = this.#reception.intakeOf(name);
    if (intake === undefined) return 'lost';
    const { arrivals, queue } = intake;
    const listening = queue.credit > 0;
    if ((await this.#probe.send(signal)) || signal.aborted) return 'ok';
    if (!listening || intake.arrivals > arrivals || this.#reception.intakeOf(name) !== intake) return 'busy';
    const reason = new Error('a message to our own queue did not come back');
    this.#logger.warning('The consumer of queue %s is deaf: %s. It is opened again', name, reason.message);
    this.#lost(queue, reason);
    this.#consumers.renew(queue);
    return 'lost';
  }

  /**
   * Starts nothing more and waits for what runs, replies included. What was not started is back on its queue at
   * once. May be called twice; `resume` undoes it.
   */
  async drain(): Promise<void> {
    this.#pause('drain');
    await this.#executions.drain();
  }

  /** Serves again after a drain. */
  async resume(): Promise<void> {
    await this.#unpause('drain');
  }

  /** Aborts what runs, and stops. May be called twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#pause('drain');
    this.#records.close();
    this.#options.transport.detach(this.#consumers);
    await this.#executions.close();
    this.#reception.close();
    await this.#consumers.close(this.#topology.own);
  }

  /** The queue that peers send requests for this service to. */
  get #probedQueue(): string {
    const { topic, server } = this.#options.servers[1] ?? this.#options.servers[0] ?? { topic: '', server: '' };
    return `${topic}.${server}`;
  }

  #opened(queue: OpenQueue): void {
    this.#reception.open(queue);
    if (this.#consumers.standing) this.#emit({ type: 'consuming' });
  }

  #lost(queue: OpenQueue, reason: Error): void {
    this.#reception.lose(queue);
    this.#breaks += 1;
    this.#emit({ type: 'consumer lost', queue: queue.name, reason: reason.message });
  }

  /** Nothing more is started; running repeatable calls are accepted, and the sessions end in the same turn. */
  #pause(why: 'drain' | 'database'): void {
    this.#pauses.add(why);
    this.#reception.releaseAll();
    this.#consumers.pause();
    this.#executions.forgetWaiting();
  }

  async #unpause(why: 'drain' | 'database'): Promise<void> {
    const wasPaused = this.#pauses.delete(why);
    if (this.#pauses.size > 0 || this.#closing !== undefined) return;
    if (wasPaused) await this.#consumers.resume();
    this.#reception.ask();
  }

  #emit(event: RpcServerEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}
