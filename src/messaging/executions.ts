import { setMaxListeners } from 'node:events';
import { CinderError, isAbort, messageOf } from '../base/errors.ts';
import { type Logger, withLogContext } from '../base/log.ts';
import { Scope } from '../base/scope.ts';
import type { RunningOperation } from '../interface/rpc.ts';
import { Backlog } from './backlog.ts';
import type { ReplyAddress } from './envelope.ts';
import type { Job } from './job.ts';
import type { Records } from './records.ts';
import type { Answer, Replies } from './replies.ts';
import { RunningTable } from './running-table.ts';
import { Slots } from './slots.ts';

/** Hears of each request that ended: its method, `ok` or the class of its failure, and how long it was in our hands. */
export type Observe = (method: string, result: string, milliseconds: number) => void;

/**
 * The requests in our hands: each waits for a slot, is recorded, settled, executed and answered, once. Knows those
 * that came before.
 */
export class Executions {
  readonly #records: Records;
  readonly #replies: Replies;
  readonly #logger: Logger;
  readonly #observe: Observe;
  readonly #onFree: () => void;
  readonly #table = new RunningTable();
  readonly #slots: Slots;
  readonly #backlog = new Backlog();
  readonly #started = new Set<Job>();
  readonly #scope: Scope;
  #recording = manyListeners();

  /** `onFree` is called when a slot came free. */
  constructor(
    slots: number,
    parts: { records: Records; replies: Replies; logger: Logger; observe: Observe },
    onFree: () => void,
  ) {
    this.#slots = new Slots(slots);
    this.#records = parts.records;
    this.#replies = parts.replies;
    this.#logger = parts.logger;
    this.#observe = parts.observe;
    this.#onFree = onFree;
    this.#scope = new Scope((error) => this.#logger.exception(error, 'A request ended in an error of our own'));
  }

  /** Those that hold a slot, oldest first. */
  running(): RunningOperation[] {
    return [...this.#started].map((job) => job.describe());
  }

  /** Whether one about this resource holds a slot. */
  concerns(about: string): boolean {
    return [...this.#started].some((job) => job.about === about);
  }

  get slotsTaken(): number {
    return this.#slots.taken;
  }

  /** Casts that wait for a slot. */
  get waitingCasts(): number {
    return this.#backlog.casts;
  }

  /** What is known of a request by its id. */
  find(id: string): Job | 'ended' | undefined {
    return this.#table.find(id);
  }

  /** Takes a request on. */
  admit(job: Job): void {
    const { reply, uniqueId } = job.request;
    if (uniqueId !== undefined) this.#table.begin(uniqueId, job);
    if (reply !== undefined) job.stopBeating = this.#replies.keepAlive(reply);
    this.#backlog.add(job);
    this.#startNext();
  }

  /** Answers a call that never became a job. */
  answer(reply: ReplyAddress, answer: Answer): void {
    this.#scope.spawn((signal) => this.#replies.send(reply, answer, signal));
  }

  /** Forgets those of `returned` that wait for a slot and for which no delivery stands any more: they come anew. */
  forget(returned: readonly Job[]): void {
    const all = new Set(returned);
    for (const job of this.#backlog.remove((waiting) => all.has(waiting) && !waiting.isHeld)) this.#forget(job);
  }

  /** Forgets everything that waits for a slot or for its record: it is with the broker again. */
  forgetWaiting(): void {
    for (const job of this.#backlog.clear()) this.#forget(job);
    this.#recording.abort();
    this.#recording = manyListeners();
  }

  /** Resolves when everything that runs has ended and is answered. */
  drain(): Promise<void> {
    return this.#scope.drain();
  }

  /** Aborts what runs, and waits for it. */
  close(): Promise<void> {
    return this.#scope.close();
  }

  #startNext(): void {
    for (let job = this.#backlog.next(this.#slots); job !== undefined; job = this.#backlog.next(this.#slots)) {
      this.#start(job);
    }
  }

  #start(job: Job): void {
    job.state = 'recording';
    this.#started.add(job);
    this.#scope.spawn(async (signal) => {
      const { reply, context } = job.request;
      const answer = await withLogContext(context, () => this.#execute(job, signal));
      this.#started.delete(job);
      this.#slots.free(job.kind);
      this.#startNext();
      this.#onFree();
      if (reply !== undefined && answer !== undefined) await this.#replies.send(reply, answer, signal);
    });
  }

  /** Runs a job to its end. Undefined: it never began, and is with the broker again. */
  async #execute(job: Job, signal: AbortSignal): Promise<Answer | undefined> {
    const { request, method } = job;
    const recording = this.#recording.signal;
    let answer: Answer;
    try {
      const decoded = method.request(request.context, request.args, job);
      job.about = decoded.about;
      const operation = await this.#records.take(decoded, recording);
      if (!job.isRepeatable) job.settle();
      job.state = 'running';
      job.progress = operation?.progress?.bind(operation);
      answer = { result: await operation?.run(signal) };
    } catch (error) {
      if (job.state === 'recording' && recording.aborted && isAbort(error)) return this.#forget(job);
      answer = { failure: error };
    }
    job.settle();
    job.stopBeating();
    if (request.uniqueId !== undefined) this.#table.end(request.uniqueId, method.class);
    this.#conclude(job, answer);
    return answer;
  }

  #forget(job: Job): undefined {
    job.stopBeating();
    if (job.request.uniqueId !== undefined) this.#table.forget(job.request.uniqueId);
  }

  #conclude(job: Job, answer: Answer): void {
    const { method } = job.request;
    const error = 'failure' in answer ? answer.failure : undefined;
    const result = error === undefined ? 'ok' : error instanceof Error ? error.name : 'Error';
    this.#observe(method, result, job.age);
    if (error === undefined) return;
    const text = 'Exception during message handling: %s';
    if (!(error instanceof CinderError)) this.#logger.exception(error, text, messageOf(error));
    else if (job.request.reply === undefined) this.#logger.error(text, error.message);
    else this.#logger.warning(text, error.message);
  }
}

/** A controller whose signal every request listens to. */
function manyListeners(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}
