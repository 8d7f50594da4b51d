import { isDeepStrictEqual } from 'node:util';
import type { RunningOperation } from '../interface/rpc.ts';
import type { VolumeStats } from '../interface/volume-driver.ts';
import type { BackendState, Measures, WorkerReport } from '../interface/worker-report.ts';
import type { Instruments } from './instruments.ts';

/** What is known of one service, each from whoever knows it. */
interface Facts {
  /** Why the database is not there; undefined when it is. */
  readonly database: string | undefined;
  readonly driver: { readonly name: string; readonly version: string; readonly initialized: boolean } | undefined;
  /** Why the driver's last set-up failed. */
  readonly driverTrouble: string | undefined;
  readonly driverTried: boolean;
  readonly consuming: boolean;
  /** Why there are no consumers. */
  readonly brokerTrouble: string | undefined;
  /** Why the last heartbeat could not be written: nobody else knows then that the service lives. */
  readonly unreported: string | undefined;
  readonly drain: 'no' | 'draining' | 'drained' | 'stopping';
  readonly nextTry: number | null;
}

/** Puts the facts together to one state: `up` means that requests arrive and the driver works. */
export class ServiceState {
  #facts: Facts = {
    database: 'not open yet',
    driver: undefined,
    driverTrouble: undefined,
    driverTried: false,
    consuming: false,
    brokerTrouble: undefined,
    unreported: undefined,
    drain: 'no',
    nextTry: null,
  };
  #state: BackendState = 'starting';
  #reason: string | null = null;
  #since = Date.now();
  /** Since when there is no consumer; undefined until the RPC server is opened, which a driver's set-up may put off. */
  #consumerLost: number | undefined;
  readonly #changed: () => void;

  /** `changed` is called when state or reason are others than before. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get initialized(): boolean {
    return this.#facts.driver?.initialized === true;
  }

  /** Whether the last heartbeat could not be written. */
  get unreported(): boolean {
    return this.#facts.unreported !== undefined;
  }

  get nextTry(): number | null {
    return this.#facts.nextTry;
  }

  get draining(): boolean {
    return this.#facts.drain !== 'no';
  }

  set(news: Partial<Facts>): void {
    if (news.consuming === false && (this.#facts.consuming || this.#consumerLost === undefined))
      this.#consumerLost = performance.now();
    const before = this.#facts;
    this.#facts = { ...before, ...news };
    const [state, reason] = this.#judge();
    if (state === this.#state && reason === this.#reason && isDeepStrictEqual(before.driver, this.#facts.driver))
      return;
    if (state !== this.#state) this.#since = Date.now();
    this.#state = state;
    this.#reason = reason;
    this.#changed();
  }

  /**
   * Why the heartbeat is withheld: a driver that does not work, or `grace` ms without a consumer (L-126, L-130). During a
   * drain there are none on purpose.
   */
  trouble(grace: number): string | undefined {
    if (!this.initialized) return `driver not initialised: ${this.#facts.driverTrouble ?? 'being set up'}`;
    if (this.#facts.consuming || this.draining) return undefined;
    const since = this.#consumerLost ?? performance.now();
    return performance.now() - since > grace ? 'no RPC consumer' : undefined;
  }

  report(
    instruments: Instruments,
    rest: {
      inflight: readonly RunningOperation[];
      stats: VolumeStats | undefined;
      lastReport: number | null;
      measures: Measures;
    },
  ): WorkerReport {
    return {
      state: this.#state,
      since: this.#since,
      reason: this.#reason,
      driver: this.#facts.driver ?? null,
      lag_ms: Math.round(instruments.lag),
      inflight: rest.inflight,
      last_db_report: rest.lastReport,
      rpc_connected: this.#facts.consuming,
      database_connected: this.#facts.database === undefined && !this.unreported,
      stats: rest.stats ?? null,
      cleanup: instruments.cleanup,
      measures: rest.measures,
    };
  }

  #judge(): [BackendState, string | null] {
    const { database, driver, driverTrouble, driverTried, consuming, brokerTrouble, unreported, drain } = this.#facts;
    if (drain === 'stopping') return ['draining', 'stopping'];
    if (drain !== 'no') return [drain, "drained by an operator; 'volume-daemon drain --disable' takes it back"];
    if (database !== undefined) return ['starting', `database: ${database}`];
    if (driver === undefined || !driverTried) return ['starting', 'the driver is being set up'];
    if (!driver.initialized) return ['down', `driver not initialised: ${driverTrouble ?? 'being set up'}`];
    if (!consuming)
      return [this.#state === 'starting' ? 'starting' : 'down', `no RPC consumer: ${brokerTrouble ?? 'connecting'}`];
    if (unreported !== undefined) return ['down', `no heartbeat: ${unreported}`];
    return ['up', null];
  }
}
