import type { WorkerReport } from './worker-report.ts';

/** What the running daemon says of itself: the body of `GET /status` (O-15). Times are epoch milliseconds. */
export interface DaemonStatus {
  readonly program: string;
  readonly version: string;
  readonly host: string;
  readonly pid: number;
  readonly started_at: number;
  /** Resident memory of the supervisor, in bytes. */
  readonly memory: number;
  readonly draining: boolean;
  /** Reloads of the configuration so far: those that were applied, and those that a mistake in the files prevented. */
  readonly reloads: { readonly applied: number; readonly failed: number };
  /** Log records of the supervisor that were held back or dropped (G-060 to G-062). */
  readonly log_suppressed: number;
  readonly backends: readonly BackendStatus[];
  /** The message broker as the URL names it, without credentials. */
  readonly broker: { readonly address: string; readonly embedded: boolean; readonly pid: number | null };
  /** The database URL with its password masked. */
  readonly database: string;
}

export interface BackendStatus extends WorkerReport {
  readonly name: string;
  /** `host@backend`. */
  readonly host: string;
  /** Null while no worker runs. */
  readonly pid: number | null;
  readonly worker_since: number | null;
  readonly restarts: number;
  /** Why the worker had to be started again, counted. */
  readonly restart_reasons: Readonly<Record<string, number>>;
  /** Resident memory of the worker, in bytes; null when it cannot be read. */
  readonly memory: number | null;
  /** The worker has not said anything for two of its intervals (L-210). */
  readonly responding: boolean;
  /** When the driver's set-up is tried next; null unless it failed. */
  readonly next_try: number | null;
}

/** One line of what a reload did: what `volume-daemon reload` prints. */
export interface ReloadResult {
  readonly changes: readonly string[];
  /** Why nothing was changed; empty when it went well. */
  readonly problems: readonly string[];
}

/** True when the backend does what it is for. */
export function isUp(backend: Pick<BackendStatus, 'state' | 'responding'>): boolean {
  return backend.state === 'up' && backend.responding;
}
