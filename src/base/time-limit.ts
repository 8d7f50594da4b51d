import { setMaxListeners } from 'node:events';

/**
 * A signal that aborts as `signal` does, or with a TimeoutError after `ms` milliseconds; the time keeps no process alive. In
 * place of `AbortSignal.any` over an `AbortSignal.timeout`: Node 20 collects that timeout as garbage, and then nothing aborts.
 */
export function within(signal: AbortSignal, ms: number): AbortSignal {
  if (signal.aborted) return signal;
  const limit = new AbortController();
  const pass = (): void => {
    clearTimeout(timer);
    limit.abort(signal.reason);
  };
  const timer = setTimeout(() => {
    signal.removeEventListener('abort', pass);
    limit.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
  }, ms).unref();
  // A pool that opens many connections at once limits each by the same signal: many listeners are no leak here.
  setMaxListeners(0, signal);
  signal.addEventListener('abort', pass, { once: true });
  return limit.signal;
}
