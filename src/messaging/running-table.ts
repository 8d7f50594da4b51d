import type { MethodClass } from '../interface/rpc.ts';
import type { Job } from './job.ts';

/** How long, and at least how many, ended requests are remembered. Reads are many and harmless: they go sooner. */
const memory = { milliseconds: 60 * 60_000, others: 8192, repeatable: 4096 };

/** What this process has received, by the id that its sender gave it, so that a copy is known for one. */
export class RunningTable {
  readonly #now: () => number;
  readonly #running = new Map<string, Job>();
  readonly #ended = { others: new Map<string, number>(), repeatable: new Map<string, number>() };

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** The request that is under way under this id; `ended` when it was. */
  find(id: string): Job | 'ended' | undefined {
    const job = this.#running.get(id);
    if (job !== undefined) return job;
    const endedAt = this.#ended.others.get(id) ?? this.#ended.repeatable.get(id);
    return endedAt !== undefined && endedAt > this.#now() - memory.milliseconds ? 'ended' : undefined;
  }

  begin(id: string, job: Job): void {
    this.#running.set(id, job);
  }

  /** It ran to its end, or there was nothing to do: a copy of it is dropped from now on. */
  end(id: string, kind: MethodClass): void {
    this.#running.delete(id);
    const which = kind === 'repeatable' ? 'repeatable' : 'others';
    this.#ended[which].set(id, this.#now());
    this.#forgetOld(this.#ended[which], memory[which]);
  }

  /** It never began and is back with the broker: it may come anew. */
  forget(id: string): void {
    this.#running.delete(id);
  }

  #forgetOld(ended: Map<string, number>, most: number): void {
    const oldest = this.#now() - memory.milliseconds;
    for (const [id, at] of ended) {
      if (at > oldest && ended.size <= most) break;
      ended.delete(id);
    }
  }
}
