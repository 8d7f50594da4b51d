import type { Job } from './job.ts';
import type { SlotKind, Slots } from './slots.ts';

/** Jobs that wait for a slot, each kind in the order in which it came; calls go first. */
export class Backlog {
  #jobs: Readonly<{ [K in SlotKind]: Job[] }> = { call: [], cast: [] };

  /** Casts that wait. */
  get casts(): number {
    return this.#jobs.cast.length;
  }

  add(job: Job): void {
    this.#jobs[job.kind].push(job);
  }

  /** The next job that a slot is free for, with its slot taken. */
  next(slots: Slots): Job | undefined {
    for (const kind of ['call', 'cast'] as const) {
      if (this.#jobs[kind].length > 0 && slots.take(kind)) return this.#jobs[kind].shift();
    }
    return undefined;
  }

  /** Takes out every job that `isOut` says so of. */
  remove(isOut: (job: Job) => boolean): Job[] {
    const all = [...this.#jobs.call, ...this.#jobs.cast];
    const kept = (kind: SlotKind): Job[] => this.#jobs[kind].filter((job) => !isOut(job));
    this.#jobs = { call: kept('call'), cast: kept('cast') };
    return all.filter(isOut);
  }

  clear(): Job[] {
    return this.remove(() => true);
  }
}
