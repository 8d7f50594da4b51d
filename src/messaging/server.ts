import { CinderError, WrongValue } from '../base/errors.ts';
import type { Logger, Logs } from '../base/log.ts';
import type { RpcEndpoint, RunningOperation } from '../interface/rpc.ts';
import type { RpcServerName } from './addressing.ts';
import type { Incoming } from './amqp.ts';
import { Consumers, type OpenQueue } from './consumers.ts';
import { type Dispatcher, dispatcher } from './dispatcher.ts';
import { BadMessage, decodeEnvelope, type Request, requestOf, startOf } from './envelope.ts';
import { Executions, type Observe } from './executions.ts';
import type { Mask } from './failure.ts';
import { Intake } from './intake.ts';
import { Job } from './job.ts';
import { Probe, type ProbeResult } from './probe.ts';
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
  readonly observe?: Observe;
  /** For tests; the presets are those of rpc.md §2.3. */
  readonly times?: Partial<RpcServerTimes>;
}

/** Milliseconds. */
export interface RpcServerTimes {
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

/** Casts that wait for a slot before no more are asked for. */
const mostWaitingCasts = 256;

/** Starts to serve. Resolves when every queue is consumed; rejects when `signal` aborts first, and leaves nothing behind. */
export async function startRpcServer(options: RpcServerOptions, signal: AbortSignal): Promise<RpcServer> {
  signal.throwIfAborted();
  const server = new RpcServer(options);
  let onAbort = (): void => {};
  try {
    await Promise.race([
      server.consumingOnce,
      new Promise((_, reject) => {
        onAbort = () => reject(signal.reason);
        signal.addEventListener('abort', onAbort, { once: true });
      }),
    ]);
    return server;
  } catch (error) {
    await server.close();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * Receives requests and sees to it that each is executed once: receive, slot, decode, record, accept, execute, reply
 * (rpc.md §2.3). A request is accepted when the database knows it, not when it arrives and not when it is done.
 */
export class RpcServer implements AsyncDisposable {
  readonly consumingOnce: Promise<void>;
  readonly #options: RpcServerOptions;
  readonly #times: RpcServerTimes;
  readonly #logger: Logger;
  readonly #topology: ServerTopology;
  readonly #consumers: Consumers;
  readonly #dispatch: Dispatcher;
  readonly #records: Records;
  readonly #executions: Executions;
  readonly #probe: Probe;
  readonly #intakes = new Map<OpenQueue, Intake>();
  readonly #listeners = new Set<(event: RpcServerEvent) => void>();
  /** Why nothing is consumed: somebody drains us, or the database is away for long. */
  readonly #pauses = new Set<'drain' | 'database'>();
  #breaks = 0;
  #look: NodeJS.Timeout | undefined;
  #toppingUp = false;
  #closing: Promise<void> | undefined;

  /** Begins to consume as soon as the transport stands. */
  constructor(options: RpcServerOptions) {
    const { transport, mask, replyTimeout, observe = () => {} } = options;
    const logger = options.logs('oslo_messaging.rpc.server');
    this.#options = options;
    this.#times = { ...presets, ...options.times };
    this.#logger = logger;
    this.#topology = serverTopology(options.servers, options.controlExchange, options.topology, options.instance);
    this.#dispatch = dispatcher(options.endpoint, { ping: options.ping });
    const outage = { away: () => this.#pause('database'), back: () => void this.#unpause('database') };
    const records = new Records(options.databaseAnswers, outage, logger, this.#times.databasePatience);
    const replies = new Replies(transport, mask, logger, replyTimeout * 1000);
    this.#records = records;
    this.#executions = new Executions(options.slots, { records, replies, logger, observe }, () => this.#topUp());
    this.#probe = new Probe(transport, this.#probedQueue, logger);
    const events = {
      opened: (queue: OpenQueue) => this.#opened(queue),
      message: (message: Incoming, queue: OpenQueue) => this.#receive(message, queue),
      lost: (queue: OpenQueue, reason: Error) => this.#lost(queue, reason),
    };
    this.#consumers = new Consumers(this.#topology, this.#topology.consumed, events, logger);
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
    const name = this.#probedQueue;
    const intake = [...this.#intakes.values()].find(({ queue }) => queue.name === name);
    if (intake === undefined) return this.#pauses.size > 0 ? 'busy' : 'lost';
    const { arrivals, queue } = intake;
    const listening = queue.credit > 0;
    if ((await this.#probe.send(signal)) || signal.aborted) return 'ok';
    if (!listening || intake.arrivals > arrivals || !this.#intakes.has(queue)) return 'busy';
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
    clearTimeout(this.#look);
    await this.#consumers.close(this.#topology.own);
  }

  /** The queue that peers send requests for this service to. */
  get #probedQueue(): string {
    const { topic, server } = this.#options.servers[1] ?? this.#options.servers[0] ?? { topic: '', server: '' };
    return `${topic}.${server}`;
  }

  #opened(queue: OpenQueue): void {
    this.#intakes.set(queue, new Intake(queue));
    this.#topUp();
    if (this.#consumers.standing) this.#emit({ type: 'consuming' });
  }

  /** What came by it and is not recorded is carried on: a copy that comes is tied to it. */
  #lost(queue: OpenQueue, reason: Error): void {
    this.#intakes.get(queue)?.close();
    this.#intakes.delete(queue);
    this.#breaks += 1;
    this.#emit({ type: 'consumer lost', queue: queue.name, reason: reason.message });
  }

  #receive(message: Incoming, queue: OpenQueue): void {
    const intake = this.#intakes.get(queue);
    if (intake === undefined) return;
    intake.count();
    try {
      this.#take(message, intake);
    } catch (error) {
      // Nothing in a message may take the worker down, or come back for ever (M-28).
      message.accept();
      this.#logger.exception(error, 'A message of queue %s could not be handled', queue.name);
    }
    for (let job = intake.blocking; job !== undefined; job = intake.blocking) this.#unblock(job, intake);
    if (!intake.isEmpty) this.#lookLater();
    this.#topUp();
  }

  #take(message: Incoming, intake: Intake): void {
    const request = this.#decoded(message, intake.queue);
    if (request === undefined) return;
    const { uniqueId: id } = request;
    if (id !== undefined && this.#probe.returned(id)) {
      message.accept();
      return;
    }
    const known = id === undefined ? undefined : this.#executions.find(id);
    if (known !== undefined) {
      this.#logger.debug('Dropped a copy of %s %s', request.method, id);
      if (known === 'ended') message.accept();
      else intake.hold(message, known);
      return;
    }
    const job = this.#dispatched(request, message);
    if (job === undefined) return;
    intake.hold(message, job);
    if (job.method.class === 'signal') job.settle();
    this.#executions.admit(job);
  }

  #decoded(message: Incoming, queue: OpenQueue): Request | undefined {
    try {
      return requestOf(decodeEnvelope(message.body));
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      message.accept();
      const start = this.#options.mask(startOf(message.body));
      this.#logger.error('Dropped what came by queue %s: %s. It begins with %s', queue.name, error.message, start);
      const failure = new WrongValue(error.message, {}, { cause: error });
      if (error.reply !== undefined) this.#executions.answer(error.reply, { failure });
      return undefined;
    }
  }

  #dispatched(request: Request, message: Incoming): Job | undefined {
    try {
      return new Job(request, this.#dispatch(request));
    } catch (error) {
      if (!(error instanceof CinderError)) throw error;
      message.accept();
      this.#logger.warning('%s', error.message);
      if (request.reply !== undefined) this.#executions.answer(request.reply, { failure: error });
      return undefined;
    }
  }

  /** Nothing more is started; running repeatable calls are accepted, and the sessions end in the same turn. */
  #pause(why: 'drain' | 'database'): void {
    this.#pauses.add(why);
    for (const intake of this.#intakes.values()) release(intake);
    this.#intakes.clear();
    this.#consumers.pause();
    this.#executions.forgetWaiting();
  }

  async #unpause(why: 'drain' | 'database'): Promise<void> {
    const wasPaused = this.#pauses.delete(why);
    if (this.#pauses.size > 0 || this.#closing !== undefined) return;
    if (wasPaused) await this.#consumers.resume();
    this.#topUp();
  }

  /** Gives what waits in one session back, to come anew. */
  #renew(intake: Intake): void {
    const { jobs } = intake;
    release(intake);
    this.#intakes.delete(intake.queue);
    this.#executions.forget(jobs);
    this.#consumers.renew(intake.queue);
  }

  /** A session must not be held up by its oldest delivery. */
  #unblock(job: Job, intake: Intake): void {
    if (job.isRepeatable && job.state !== 'waiting') job.settle();
    else this.#renew(intake);
  }

  /** Looks through what is unsettled: a caller that has given up, a cast that waits too long. */
  #lookLater(): void {
    if (this.#look !== undefined || this.#closing !== undefined) return;
    this.#look = setTimeout(() => {
      this.#look = undefined;
      for (const intake of [...this.#intakes.values()]) this.#lookThrough(intake);
    }, this.#times.lookEvery);
  }

  #lookThrough(intake: Intake): void {
    const givenUp = this.#options.responseTimeout * 1000;
    for (const job of intake.jobs) if (job.isRepeatable && job.age > givenUp) job.settle();
    if (intake.jobs.some((job) => job.state === 'waiting' && job.age > this.#times.longestWait)) this.#renew(intake);
    if (!intake.isEmpty) this.#lookLater();
  }

  /** Asks for more, once a turn, where what was asked for has come (M-55). */
  #topUp(): void {
    if (this.#toppingUp) return;
    this.#toppingUp = true;
    setImmediate(() => {
      this.#toppingUp = false;
      if (this.#records.isAway || this.#pauses.size > 0) return;
      const { slots, prefetch } = this.#options;
      const { slotsTaken, waitingCasts } = this.#executions;
      const credit = Math.min((prefetch || slots) - slotsTaken, mostWaitingCasts - waitingCasts);
      for (const { queue } of this.#intakes.values()) if (queue.credit === 0) queue.grant(credit);
    });
  }

  #emit(event: RpcServerEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}

/** What runs and may be repeated is settled, the rest goes back to the broker with its session. */
function release(intake: Intake): void {
  for (const job of intake.jobs) if (job.isRepeatable && job.state === 'running') job.settle();
  intake.close();
}
