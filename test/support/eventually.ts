import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until `holds` gives a value other than undefined or false; fails after `ms`, saying what did not come. */
export async function eventually<T>(
  what: string,
  holds: () => T | undefined | false | Promise<T | undefined | false>,
  ms = 10_000,
): Promise<T> {
  const deadline = performance.now() + ms;
  for (;;) {
    const value = await holds();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`did not come true in ${ms} ms: ${what}`);
    await sleep(5);
  }
}
