import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Looks again, `pause` ms after the last answer, until `holds` gives a value other than undefined or false; fails after `ms`,
 * saying what did not come. Without a `pause` it looks less and less often: whoever looks takes time from what it waits for.
 */
export async function eventually<T>(
  what: string | (() => string),
  holds: () => T | undefined | false | Promise<T | undefined | false>,
  ms = 15_000,
  pause?: number,
): Promise<T> {
  const deadline = performance.now() + ms;
  for (let wait = pause ?? 4; ; wait = pause ?? Math.min(wait * 1.3, 50)) {
    const value = await holds();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) {
      throw new Error(`did not come true in ${ms} ms: ${typeof what === 'string' ? what : what()}`);
    }
    await sleep(wait);
  }
}
