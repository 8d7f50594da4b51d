import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Looks again, `pause` ms after the last answer, until `holds` gives a value other than undefined or false; fails after `ms`,
 * saying what did not come.
 */
export async function eventually<T>(
  what: string | (() => string),
  holds: () => T | undefined | false | Promise<T | undefined | false>,
  ms = 15_000,
  pause = 5,
): Promise<T> {
  const deadline = performance.now() + ms;
  for (;;) {
    const value = await holds();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) {
      throw new Error(`did not come true in ${ms} ms: ${typeof what === 'string' ? what : what()}`);
    }
    await sleep(pause);
  }
}
