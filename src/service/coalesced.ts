import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../base/log.ts';
import type { Scope } from '../base/scope.ts';

/** Deletes that end within so many milliseconds make one capability report. */
const publishDelay = 250;

/** Runs `task` a moment after it was asked for, once for all who ask within that moment; in `scope`, and not once that ends. */
export function coalesced(scope: Scope, log: Logger, task: (signal: AbortSignal) => Promise<void>): () => void {
  let waiting = false;
  return () => {
    if (waiting || scope.signal.aborted) return;
    waiting = true;
    scope.spawn(async (signal) => {
      await sleep(publishDelay, undefined, { signal });
      waiting = false;
      try {
        await task(signal);
      } catch (error) {
        if (!signal.aborted) log.log('DEBUG', { error }, 'A capability report did not leave');
      }
    });
  };
}
