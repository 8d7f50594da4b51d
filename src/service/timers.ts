import { type Logger, withLogContext } from '../base/log.ts';
import type { Scope } from '../base/scope.ts';
import { adminContext } from '../objects/context.ts';
import { every } from './periodic.ts';

/** What a service does again and again; intervals are read anew each time, in milliseconds. */
export interface Timers {
  readonly reportInterval: () => number;
  readonly publishInterval: () => number;
  /** Milliseconds by which the first report of capabilities may be put off, so that not all services send theirs at once. */
  readonly fuzzyDelay: number;
  readonly report: (signal: AbortSignal) => Promise<void>;
  /** Told of each report with the milliseconds that it came late. */
  readonly late: (by: number) => void;
  readonly probe: (signal: AbortSignal) => Promise<void>;
  readonly publish: (signal: AbortSignal) => Promise<void>;
  /** Reads versions again that hold us down (O-40). */
  readonly pins: () => Promise<void>;
}

/** Milliseconds between two looks at versions that hold us down (O-40). */
const pinsAgain = 10 * 60_000;

/** Heartbeat, report of capabilities, and proof of the way through the broker (L-120, O-10), until the scope closes. */
export function startTimers(scope: Scope, log: Logger, timers: Timers): void {
  const { reportInterval, publishInterval, fuzzyDelay, report, late, probe, publish, pins } = timers;
  const probeInterval = (): number => 2 * reportInterval();
  const reporting = { name: 'report_state', interval: reportInterval, delay: reportInterval(), run: report, late };
  const probing = { name: 'probe', interval: probeInterval, delay: probeInterval(), run: probe };
  const publishing = {
    name: 'publish_service_capabilities',
    interval: publishInterval,
    delay: Math.random() * fuzzyDelay + publishInterval(),
    run: (signal: AbortSignal) => withLogContext(adminContext(), () => publish(signal)),
  };
  const looking = { name: 'version_pins', interval: () => pinsAgain, delay: pinsAgain, run: pins };
  for (const task of [reporting, probing, publishing, looking]) scope.spawn((signal) => every(task, log, signal));
}
