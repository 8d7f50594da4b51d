import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../base/log.ts';

export interface PeriodicTask {
  readonly name: string;
  /** Milliseconds between the starts of two runs, read anew each time; 0 turns the task off, for now. */
  interval(): number;
  /** Milliseconds before the first run. */
  readonly delay: number;
  run(signal: AbortSignal): Promise<void>;
  /** Told how many milliseconds after its time a run begins. */
  late?(by: number): void;
}

/** How often a task that is off is asked whether it still is. */
const offLook = 60_000;

/**
 * Runs a task again and again until `signal` aborts: one run at a time, and a run that fails is logged and stops nothing
 * (lifecycle.md §14 step 8).
 */
export async function every(task: PeriodicTask, log: Logger, signal: AbortSignal): Promise<void> {
  let wait = task.delay;
  while (!signal.aborted) {
    const due = performance.now() + wait;
    await sleep(wait, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    task.late?.(performance.now() - due);
    const interval = task.interval();
    wait = interval > 0 ? interval - (await runOnce(task, interval, log, signal)) : offLook;
  }
}

/** Milliseconds that the run took, at most the interval. */
async function runOnce(task: PeriodicTask, interval: number, log: Logger, signal: AbortSignal): Promise<number> {
  const begun = performance.now();
  log.debug('Running periodic task %s', task.name);
  try {
    await task.run(signal);
  } catch (error) {
    if (!signal.aborted) log.exception(error, 'Error during %s', task.name);
  }
  const took = performance.now() - begun;
  if (took > interval)
    log.warning('Function %r run outlasted interval by %.2f sec', task.name, (took - interval) / 1000);
  return Math.min(took, interval);
}
