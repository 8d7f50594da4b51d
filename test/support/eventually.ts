import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until `condition` gives something true, and gives that; fails with `what` after `patience` milliseconds. */
export async function eventually<T>(what: string, condition: () => T | Promise<T>, patience = 10_000): Promise<T> {
  const deadline = Date.now() + patience;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`still not so after ${patience} ms: ${what}`);
    await sleep(20);
  }
}
