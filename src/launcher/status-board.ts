import type { BackendStatus } from '../interface/daemon-status.ts';
import { nothingMeasured, type WorkerReport } from '../interface/worker-report.ts';
import type { JobState } from './launcher.ts';

/** A worker reports every 5 s (L-210); two that do not come make it silent. */
export const reportEvery = 5_000;
const silentAfter = 2 * reportEvery + 1_000;

interface Row {
  readonly host: string;
  report: WorkerReport;
  heard: number;
  nextTry: number | null;
  definitive: boolean;
}

/** What the supervisor knows of each backend: the last word of its worker, and how long ago that was (L-211). */
export class StatusBoard {
  readonly #rows = new Map<string, Row>();

  /** A backend that is about to be started. */
  add(name: string, host: string): void {
    this.#rows.set(name, {
      host,
      report: emptyReport('starting', null),
      heard: performance.now(),
      nextTry: null,
      definitive: false,
    });
  }

  remove(name: string): void {
    this.#rows.delete(name);
  }

  /** The worker's own words. */
  hear(name: string, report: WorkerReport, nextTry: number | null): void {
    const row = this.#rows.get(name);
    if (row === undefined) return;
    row.report = report;
    row.heard = performance.now();
    row.nextTry = nextTry;
  }

  /** The worker is gone: what it did is not being done. A backend that was given up stays `failed`. */
  lost(name: string, state: 'starting' | 'drained', reason: string): void {
    const row = this.#rows.get(name);
    if (row === undefined || row.definitive) return;
    const { cleanup, stats } = row.report;
    row.report = { ...emptyReport(state, reason), cleanup, stats };
    row.heard = performance.now();
  }

  /** The backend cannot work with this configuration. */
  failed(name: string, reason: string): void {
    const row = this.#rows.get(name);
    if (row === undefined) return;
    row.definitive = true;
    row.report = { ...emptyReport('failed', reason) };
  }

  isFailed(name: string): boolean {
    return this.#rows.get(name)?.definitive ?? false;
  }

  /** How long the quietest worker has said nothing, in milliseconds. */
  longestSilence(jobs: readonly JobState[]): number {
    const byName = new Map(jobs.map((job) => [job.name, job]));
    return Math.max(0, ...[...this.#rows].map(([name, row]) => quietFor(row, byName.get(name))));
  }

  /** Every backend in the order of configuration, with what the launcher knows of its process. */
  backends(jobs: readonly JobState[], memoryOf: (pid: number) => number | null): BackendStatus[] {
    const byName = new Map(jobs.map((job) => [job.name, job]));
    return [...this.#rows].map(([name, row]) => {
      const job = byName.get(name);
      return {
        ...row.report,
        name,
        host: row.host,
        pid: job?.pid ?? null,
        worker_since: job?.pid === undefined ? null : job.since,
        restarts: job?.restarts ?? 0,
        restart_reasons: job?.reasons ?? {},
        memory: job?.pid === undefined ? null : memoryOf(job.pid),
        responding: quietFor(row, job) < silentAfter,
        next_try: row.nextTry,
      };
    });
  }
}

/** Only a worker that runs can be silent, and not before it was started: its predecessor may have died long ago. */
function quietFor(row: Row, job: JobState | undefined): number {
  if (row.definitive || job?.pid === undefined) return 0;
  return Math.min(performance.now() - row.heard, Math.max(0, Date.now() - job.since));
}

function emptyReport(state: WorkerReport['state'], reason: string | null): WorkerReport {
  return {
    state,
    since: Date.now(),
    reason,
    driver: null,
    lag_ms: 0,
    inflight: [],
    last_db_report: null,
    rpc_connected: false,
    database_connected: false,
    stats: null,
    cleanup: [],
    measures: nothingMeasured,
  };
}
