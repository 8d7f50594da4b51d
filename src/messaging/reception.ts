import { CinderError, WrongValue } from '../base/errors.ts';
import { type Logger, withLogContext } from '../base/log.ts';
import type { Incoming } from './amqp.ts';
import type { OpenQueue } from './consumers.ts';
import type { Dispatcher } from './dispatcher.ts';
import { BadMessage, decodeEnvelope, type Request, requestOf, startOf } from './envelope.ts';
import type { Executions } from './executions.ts';
import type { Mask } from './failure.ts';
import { Intake } from './intake.ts';
import { Job } from './job.ts';
import type { Probe } from './probe.ts';

export interface ReceptionSettings {
  /** Requests that may be asked for while nothing runs. */
  readonly credit: number;
  /** Milliseconds after which the caller of a call is gone. */
  readonly callerPatience: number;
  /** Milliseconds after which a cast that waits goes back, to come anew. */
  readonly longestWait: number;
  /** Milliseconds between looks through what is unsettled, while there is any. */
  readonly lookEvery: number;
  readonly mask: Mask;
  readonly logger: Logger;
}

export interface ReceptionParts {
  readonly executions: Executions;
  readonly dispatch: Dispatcher;
  readonly probe: Probe;
  /** Ends the session of a queue and opens it again. */
  readonly renew: (queue: OpenQueue) => void;
  /** Whether more may be asked for: not while draining, nor while the database is away. */
  readonly mayAsk: () => boolean;
}

/** Casts that wait for a slot before no more are asked for. */
const mostWaitingCasts = 256;

/** Takes messages in: reads them, knows copies, hands requests on, and keeps what is unsettled from holding up its session. */
export class Reception {
  readonly #settings: ReceptionSettings;
  readonly #parts: ReceptionParts;
  readonly #intakes = new Map<OpenQueue, Intake>();
  #look: NodeJS.Timeout | undefined;
  #asking = false;
  #closed = false;

  constructor(settings: ReceptionSettings, parts: ReceptionParts) {
    this.#settings = settings;
    this.#parts = parts;
  }

  /** What came by a queue and is unsettled; undefined while it is not consumed. */
  intakeOf(name: string): Intake | undefined {
    return [...this.#intakes.values()].find(({ queue }) => queue.name === name);
  }

  open(queue: OpenQueue): void {
    this.#intakes.set(queue, new Intake(queue));
    this.ask();
  }

  /** A session was lost. What came by it and is not recorded is carried on: a copy that comes is tied to it. */
  lose(queue: OpenQueue): void {
    this.#intakes.get(queue)?.close();
    this.#intakes.delete(queue);
  }

  receive(message: Incoming, queue: OpenQueue): void {
    const intake = this.#intakes.get(queue);
    if (intake === undefined) return;
    intake.count();
    try {
      this.#take(message, intake);
    } catch (error) {
      // Nothing in a message may take the worker down, or come back for ever (M-28).
      message.accept();
      this.#settings.logger.exception(error, 'A message of queue %s could not be handled', queue.name);
    }
    for (let job = intake.blocking; job !== undefined; job = intake.blocking) this.#unblock(job, intake);
    if (!intake.isEmpty) this.#lookLater();
    this.ask();
  }

  /** Running repeatable calls are settled now; the rest goes back to the broker with the sessions, which end next. */
  releaseAll(): void {
    for (const intake of this.#intakes.values()) release(intake);
    this.#intakes.clear();
  }

  /** Asks for more, once a turn, where what was asked for has come (M-55). */
  ask(): void {
    if (this.#asking) return;
    this.#asking = true;
    setImmediate(() => {
      this.#asking = false;
      if (!this.#parts.mayAsk()) return;
      const { slotsTaken, waitingCasts } = this.#parts.executions;
      const credit = Math.min(this.#settings.credit - slotsTaken, mostWaitingCasts - waitingCasts);
      for (const { queue } of this.#intakes.values()) if (queue.credit === 0) queue.grant(credit);
    });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#look);
  }

  #take(message: Incoming, intake: Intake): void {
    const { executions, probe } = this.#parts;
    const request = this.#decoded(message, intake.queue);
    if (request === undefined) return;
    const { uniqueId: id } = request;
    if (id !== undefined && probe.returned(id)) {
      message.accept();
      return;
    }
    const known = id === undefined ? undefined : executions.find(id);
    if (known !== undefined) {
      this.#settings.logger.debug('Dropped a copy of %s %s', request.method, id);
      if (known === 'ended') message.accept();
      else intake.hold(message, known);
      return;
    }
    const job = this.#dispatched(request, message);
    if (job === undefined) return;
    intake.hold(message, job);
    if (job.method.class === 'signal') job.settle();
    executions.admit(job);
  }

  #decoded(message: Incoming, queue: OpenQueue): Request | undefined {
    try {
      return requestOf(decodeEnvelope(message.body));
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      message.accept();
      const { logger, mask } = this.#settings;
      const start = mask(startOf(message.body));
      const text = 'Dropped what came by queue %s: %s. It begins with %s';
      withLogContext(error.context, () => logger.error(text, queue.name, error.message, start));
      const failure = new WrongValue(error.message, {}, { cause: error });
      if (error.reply !== undefined) this.#parts.executions.answer(error.reply, { failure });
      return undefined;
    }
  }

  #dispatched(request: Request, message: Incoming): Job | undefined {
    try {
      return new Job(request, this.#parts.dispatch(request), message.redelivered);
    } catch (error) {
      if (!(error instanceof CinderError)) throw error;
      message.accept();
      withLogContext(request.context, () => this.#settings.logger.warning('%s', error.message));
      if (request.reply !== undefined) this.#parts.executions.answer(request.reply, { failure: error });
      return undefined;
    }
  }

  /** A session must not be held up by its oldest delivery. */
  #unblock(job: Job, intake: Intake): void {
    if (job.isRepeatable && job.state !== 'waiting') job.settle();
    else this.#giveBack(intake);
  }

  /** What waits in one session goes back to the broker, to come anew. */
  #giveBack(intake: Intake): void {
    const { jobs } = intake;
    release(intake);
    this.#intakes.delete(intake.queue);
    this.#parts.executions.forget(jobs);
    this.#parts.renew(intake.queue);
  }

  /** Looks through what is unsettled: a caller that has given up, a cast that waits too long. */
  #lookLater(): void {
    if (this.#look !== undefined || this.#closed) return;
    this.#look = setTimeout(() => {
      this.#look = undefined;
      for (const intake of [...this.#intakes.values()]) this.#lookThrough(intake);
    }, this.#settings.lookEvery);
  }

  #lookThrough(intake: Intake): void {
    const { callerPatience, longestWait } = this.#settings;
    for (const job of intake.jobs) if (job.isRepeatable && job.age > callerPatience) job.settle();
    if (intake.jobs.some((job) => job.state === 'waiting' && job.age > longestWait)) this.#giveBack(intake);
    if (!intake.isEmpty) this.#lookLater();
  }
}

/** What runs and may be repeated is settled; for the rest the broker stands in again. */
function release(intake: Intake): void {
  for (const job of intake.jobs) if (job.isRepeatable && job.state === 'running') job.settle();
  intake.close();
}
