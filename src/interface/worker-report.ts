import type { HistogramCounts } from '../base/histogram.ts';
import type { RunningOperation } from './rpc.ts';
import type { VolumeStats } from './volume-driver.ts';

/** `failed`: cannot heal without a change of configuration. `down`: not usable now, being retried. */
export type BackendState = 'starting' | 'up' | 'down' | 'draining' | 'drained' | 'failed';

/** What a worker tells the supervisor, every 5 s and at each change (L-210); what `/status` shows of a backend (O-15). */
export interface WorkerReport {
  readonly state: BackendState;
  /** Epoch milliseconds since when the state holds. */
  readonly since: number;
  /** Why it is not up, in one line. */
  readonly reason: string | null;
  readonly driver: { readonly name: string; readonly version: string; readonly initialized: boolean } | null;
  /** How late the event loop was at the last look, in milliseconds. */
  readonly lag_ms: number;
  readonly inflight: readonly RunningOperation[];
  /** Epoch milliseconds of the last heartbeat in the database; null before the first. */
  readonly last_db_report: number | null;
  readonly rpc_connected: boolean;
  readonly database_connected: boolean;
  /** The last capability report: what `backend pools` shows. */
  readonly stats: VolumeStats | null;
  /** What the last start found interrupted and did about it, newest last (O-22). */
  readonly cleanup: readonly CleanupNote[];
  /** What the worker has counted since it started, for the metrics (O-16). */
  readonly measures: Measures;
}

/** Times are in seconds. */
export interface Measures {
  /** Requests that ended, by method and then by result: `ok`, or the class of the failure. */
  readonly requests: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** How long they were in our hands, by method. */
  readonly durations: Readonly<Record<string, HistogramCounts>>;
  /** By how much each heartbeat came later than it was due. */
  readonly heartbeat_lateness: HistogramCounts | null;
  /** Interrupted operations that were dealt with, by what they are about. */
  readonly recovered: Readonly<Record<string, number>>;
  readonly log_suppressed: number;
  /** Work that the database has not ended yet, and how much of it failed for the database's own sake. */
  readonly db_in_use: number;
  readonly db_errors: number;
}

/** Of a worker that has said nothing so far. */
export const nothingMeasured: Measures = {
  requests: {},
  durations: {},
  heartbeat_lateness: null,
  recovered: {},
  log_suppressed: 0,
  db_in_use: 0,
  db_errors: 0,
};

/** One interrupted or lost operation, and what was done about it. */
export interface CleanupNote {
  readonly at: number;
  readonly type: string;
  readonly id: string;
  readonly status: string;
  readonly action: string;
}
