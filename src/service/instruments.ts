import { Histogram } from '../base/histogram.ts';
import type { RunningOperation } from '../interface/rpc.ts';
import type { CleanupNote, Measures } from '../interface/worker-report.ts';

/** How many clean-up notes are kept for `/status`. */
const notesKept = 50;

/** Seconds: an operation may take an hour, a heartbeat should be on time. */
const durationBounds = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 1800, 3600];
const latenessBounds = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60];

/** What the service counts and remembers for `/status` and the metrics. */
export class Instruments {
  readonly cleanup: CleanupNote[] = [];
  readonly #requests: Record<string, Record<string, number>> = {};
  readonly #durations: Record<string, Histogram> = {};
  readonly #lateness = new Histogram(latenessBounds);
  readonly #recovered: Record<string, number> = {};
  #expected = 0;
  #lag = 0;

  note(note: CleanupNote): void {
    this.cleanup.push(note);
    if (this.cleanup.length > notesKept) this.cleanup.shift();
    countUp(this.#recovered, note.type);
  }

  /** A request has ended: its number and its time (O-16). */
  observe(method: string, result: string, milliseconds: number): void {
    this.#requests[method] ??= {};
    countUp(this.#requests[method], result);
    this.#durations[method] ??= new Histogram(durationBounds);
    this.#durations[method].add(milliseconds / 1000);
  }

  /** A heartbeat was written, so many milliseconds after it was due (O-09, O-11). */
  heartbeat(lateness: number): void {
    this.#lateness.add(lateness / 1000);
  }

  /** Everything that was counted, with what others have counted. */
  measures(others: Pick<Measures, 'log_suppressed' | 'db_in_use' | 'db_errors'>): Measures {
    const durations = Object.entries(this.#durations).map(([method, { counts }]) => [method, counts] as const);
    return {
      requests: this.#requests,
      durations: Object.fromEntries(durations),
      heartbeat_lateness: this.#lateness.counts,
      recovered: this.#recovered,
      ...others,
    };
  }

  /** Called by a timer of `every` milliseconds: how late it came is how late the event loop is. */
  tick(every: number): number {
    const now = performance.now();
    this.#lag = this.#expected === 0 ? 0 : Math.max(0, now - this.#expected);
    this.#expected = now + every;
    return this.#lag;
  }

  get lag(): number {
    return this.#lag;
  }
}

function countUp(counters: Record<string, number>, name: string): void {
  counters[name] = (counters[name] ?? 0) + 1;
}

/** `create_volume 573e024d (8 s), …`: the operations that a stop waits for (L-175). */
export function waitingText(running: readonly RunningOperation[]): string {
  return running.map(({ method, about, age }) => `${method} ${about} (${Math.floor(age / 1000)} s)`).join(', ');
}
