import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../base/log.ts';
import type { Child, Exit, Job } from './child.ts';
import { RespawnPlan } from './respawn.ts';

/** What is known of one job, for `/status` and the report. */
export interface JobState {
  readonly name: string;
  readonly label: string;
  readonly pid: number | undefined;
  /** Epoch milliseconds of the last start. */
  readonly since: number;
  /** Starts beyond the first. */
  readonly restarts: number;
  /** Why they were needed, counted: `status 1`, `SIGKILL`, `not started`. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly infrastructure: boolean;
}

interface Kept {
  readonly job: Job;
  readonly stop: AbortController;
  child: Child | undefined;
  since: number;
  restarts: number;
  readonly reasons: Record<string, number>;
  ended: Promise<void>;
  /** Nobody asked for its end so far. */
  wanted: boolean;
}

/**
 * Keeps one child per job alive. It knows processes and nothing of storage. Jobs are independent: each is started and
 * respawned by a loop of its own (L-105, L-153).
 */
export class Launcher {
  readonly #kept = new Map<string, Kept>();
  readonly #log: Logger;
  readonly #backoffMax: () => number;
  #stopping = false;
  /** Told of each child that is gone, by the name of its job. */
  onExit: (name: string) => void = () => {};

  /** `backoffMax` in milliseconds, read anew at each death. */
  constructor(log: Logger, backoffMax: () => number) {
    this.#log = log;
    this.#backoffMax = backoffMax;
  }

  /** True once children that end are not started again. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /** Starts a job and keeps it alive from now on. A name that is kept already is an error of the caller. */
  add(job: Job): void {
    if (this.#kept.has(job.name)) throw new Error(`${job.name} is kept alive already`);
    if (this.#stopping) return;
    const kept: Kept = {
      job,
      stop: new AbortController(),
      child: undefined,
      since: Date.now(),
      restarts: 0,
      reasons: {},
      ended: Promise.resolve(),
      wanted: true,
    };
    this.#kept.set(job.name, kept);
    if (!job.infrastructure) this.#log.info('Starting %d workers', 1);
    kept.ended = this.#keep(kept);
  }

  has(name: string): boolean {
    return this.#kept.has(name);
  }

  /** Lets a job end by itself: SIGTERM, then patience. Resolves when its child is gone; what never ran is success. */
  async remove(name: string): Promise<void> {
    const kept = this.#kept.get(name);
    if (kept === undefined) return;
    this.#release(kept);
    await kept.ended;
    if (this.#kept.get(name) === kept) this.#kept.delete(name);
  }

  /** A job that cannot work with this configuration is not started again (lifecycle.md §19); its child ends by itself. */
  giveUp(name: string): void {
    const kept = this.#kept.get(name);
    if (kept === undefined) return;
    kept.wanted = false;
    kept.stop.abort();
  }

  /** Tells the child of a job something; false when there is none to tell. */
  send(name: string, message: object): boolean {
    return this.#kept.get(name)?.child?.send(message) ?? false;
  }

  /** Sends a signal to the child of a job. */
  kill(name: string, signal: NodeJS.Signals): void {
    this.#kept.get(name)?.child?.kill(signal);
  }

  jobs(): JobState[] {
    return [...this.#kept.values()].map(({ job, child, since, restarts, reasons }) => ({
      name: job.name,
      label: job.label,
      pid: child?.pid,
      since,
      restarts,
      reasons: { ...reasons },
      infrastructure: job.infrastructure,
    }));
  }

  /** Ends every child: those that do the work first, then what they stand on. No respawn from here on (L-170). */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#log.debug('Stop services.');
    this.#log.debug('Killing children.');
    const all = [...this.#kept.values()];
    const workers = all.filter(({ job }) => !job.infrastructure);
    for (const kept of workers) this.#release(kept);
    const waiting = all.filter(({ child }) => child !== undefined).length;
    if (waiting > 0) this.#log.info('Waiting on %d children to exit', waiting);
    await Promise.all(workers.map(({ ended }) => ended));
    const others = all.filter(({ job }) => job.infrastructure);
    for (const kept of others) this.#release(kept);
    await Promise.all(others.map(({ ended }) => ended));
  }

  /** Kills whatever still lives, at once. `stop` then comes to its end. */
  killAll(): void {
    this.#stopping = true;
    for (const kept of this.#kept.values()) {
      kept.wanted = false;
      kept.stop.abort();
      kept.child?.kill('SIGKILL');
    }
  }

  #release(kept: Kept): void {
    kept.wanted = false;
    kept.stop.abort();
    if (kept.child !== undefined) end(kept.job, kept.child);
  }

  async #keep(kept: Kept): Promise<void> {
    const plan = new RespawnPlan(this.#backoffMax());
    while (kept.wanted) {
      const begun = performance.now();
      const reason = await this.#live(kept);
      if (!kept.wanted) break;
      const wait = plan.waitAfter(performance.now() - begun);
      if (wait > 0) {
        this.#log.info('Forking too fast, sleeping (%s, %d s)', kept.job.label, Math.round(wait / 1000));
        await sleep(wait, undefined, { signal: kept.stop.signal }).catch(() => {});
      }
      kept.restarts++;
      kept.reasons[reason] = (kept.reasons[reason] ?? 0) + 1;
    }
  }

  /** One life of a job's child; what it ended of. */
  async #live(kept: Kept): Promise<string> {
    const { job } = kept;
    try {
      const child = await job.spawn();
      kept.child = child;
      kept.since = Date.now();
      this.#log.debug('Started child %d', child.pid);
      if (!kept.wanted) end(job, child);
      const exit = await child.exited;
      kept.child = undefined;
      this.#tell(job, child.pid, exit, kept.wanted);
      this.onExit(job.name);
      return exit.signal ?? `status ${exit.code}`;
    } catch (error) {
      this.#log.exception(error, 'Could not start %s', job.label);
      return 'not started';
    }
  }

  #tell(job: Job, pid: number, { code, signal }: Exit, unasked: boolean): void {
    const level = unasked ? 'WARNING' : 'INFO';
    const facts = { event: 'child.exited' };
    if (signal === null) this.#log.log(level, facts, 'Child %d exited with status %d (%s)', pid, code, job.label);
    else this.#log.log(level, facts, 'Child %d killed by signal %d (%s)', pid, constants.signals[signal], job.label);
  }
}

function end(job: Job, child: Child): void {
  if (job.end === undefined) child.kill('SIGTERM');
  else job.end(child);
}
