import type { RunningOperation } from '../interface/rpc.ts';
import type { CleanupNote } from '../interface/worker-report.ts';

/** How many clean-up notes are kept for `/status`. */
const notesKept = 50;

/** What the service counts and remembers for `/status` and the metrics. */
export class Instruments {
  readonly counters: Record<string, number> = {};
  readonly cleanup: CleanupNote[] = [];
  #expected = 0;
  #lag = 0;

  count(name: string, by = 1): void {
    this.counters[name] = (this.counters[name] ?? 0) + by;
  }

  note(note: CleanupNote): void {
    this.cleanup.push(note);
    if (this.cleanup.length > notesKept) this.cleanup.shift();
    this.count(`recovered_total{type="${note.type}"}`);
  }

  /** A request has ended: its number and its time (O-16). */
  observe(method: string, result: string, milliseconds: number): void {
    this.count(`rpc_requests_total{method="${method}",result="${result}"}`);
    this.count(`rpc_duration_seconds_sum{method="${method}"}`, milliseconds / 1000);
    this.count(`rpc_duration_seconds_count{method="${method}"}`);
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

/** `create_volume 573e024d (8 s), …`: the operations that a stop waits for (L-175). */
export function waitingText(running: readonly RunningOperation[]): string {
  return running.map(({ method, about, age }) => `${method} ${about} (${Math.floor(age / 1000)} s)`).join(', ');
}
