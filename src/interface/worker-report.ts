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
  /** Counters that only grow, for the metrics (O-16). */
  readonly counters: Readonly<Record<string, number>>;
}

/** One interrupted or lost operation, and what was done about it. */
export interface CleanupNote {
  readonly at: number;
  readonly type: string;
  readonly id: string;
  readonly status: string;
  readonly action: string;
}
