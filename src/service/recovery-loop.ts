import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../base/log.ts';
import { within } from '../base/time-limit.ts';
import { cleanUp } from '../volume/cleanup.ts';
import { FailoverWatch } from '../volume/failover-watch.ts';
import { HandoverWatch, type Inbox } from '../volume/handover.ts';
import { cleanUpAtStart } from '../volume/init-host.ts';
import type { VolumeManager } from '../volume/manager.ts';
import type { BackendLock } from './backend-lock.ts';

/** How often rows that may belong to a draining predecessor are looked at again (database.md §5.5). */
const freshLook = 10_000;

/** A look whose work takes so long is not waited for. */
const longLook = 5_000;

/** How often every transitional row is looked at, whatever happened (manager.md §2.6 rule 1). */
const wholeLook = 600_000;

/** Looks for work that nobody does: interrupted by a crash, or handed over in a message that never came. */
export class RecoveryLoop {
  readonly #manager: VolumeManager;
  readonly #log: Logger;
  readonly #watch: HandoverWatch;
  readonly #failovers: FailoverWatch;
  readonly #wake = new Set<() => void>();
  readonly #looks = new Set<Promise<unknown>>();
  #whole = false;
  /** No predecessor lives: what stands under our name and is not running here is nobody's. */
  #alone = false;
  #lastWhole = Number.NEGATIVE_INFINITY;

  constructor(manager: VolumeManager, log: Logger, inbox: Inbox) {
    this.#manager = manager;
    this.#log = log;
    this.#watch = new HandoverWatch(manager, inbox);
    this.#failovers = new FailoverWatch(manager, inbox);
  }

  /**
   * Every consumer stands, after a start or a break, or the database is back: whatever was handed over meanwhile, and died in
   * the hands of a peer, must be found (manager.md §2.6).
   */
  lookAtAll(): void {
    this.#whole = true;
    this.#resume();
  }

  /**
   * What an earlier process of this service left, now and until no row is left that a predecessor may still be at work on.
   * `alone`: there is none, as the lock proves. When the lock becomes ours later, that proves it as well; it is waited
   * for also where nothing is left, since without it our successor could not know that we are gone.
   */
  async ownRows(alone: boolean, lock: Pick<BackendLock, 'held' | 'wait'>, signal: AbortSignal): Promise<void> {
    this.#resume();
    this.#alone = alone;
    let again = await cleanUpAtStart(this.#manager, this.#alone, signal);
    while ((again || !lock.held) && !signal.aborted) {
      if (lock.held) await sleep(freshLook, undefined, { signal });
      else this.#alone = await cameWithin(freshLook, lock, signal);
      again = await cleanUp(this.#manager, { alone: this.#alone }, signal);
    }
  }

  /** Hand-overs, for as long as the service runs. `interval` is that of the capability reports. */
  async handOvers(interval: () => number, signal: AbortSignal): Promise<void> {
    await this.#handOvers(interval, signal);
    await Promise.all(this.#looks);
  }

  async #handOvers(interval: () => number, signal: AbortSignal): Promise<void> {
    let waiting = false;
    while (!signal.aborted) {
      const grace = this.#manager.settings.handover_grace * 1000;
      await this.#pause(waiting && grace > 0 ? grace + 100 : interval(), signal);
      if (signal.aborted) return;
      if (!this.#manager.initialized) continue;
      const whole: boolean = this.#whole || waiting || performance.now() - this.#lastWhole > wholeLook;
      if (whole) this.#lastWhole = performance.now();
      this.#whole = false;
      try {
        waiting = (await this.#beside(this.#watch.look(whole, signal))) ?? true;
        await this.#failovers.look(signal);
        await this.#beside(cleanUp(this.#manager, { alone: this.#alone, meanwhile: true }, signal));
      } catch (error) {
        if (!signal.aborted) this.#log.exception(error, 'Error during %s', 'look for lost requests');
      }
    }
  }

  /** The outcome of a look; undefined when what it took up takes long: then the next looks go on beside it. */
  async #beside<T>(look: Promise<T>): Promise<T | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), longLook);
    });
    try {
      const outcome = await Promise.race([look, late]);
      if (outcome !== 'late') return outcome;
    } finally {
      clearTimeout(timer);
    }
    const rest = look
      .catch((error: unknown) => this.#log.exception(error, 'Error during %s', 'look for lost requests'))
      .finally(() => this.#looks.delete(rest));
    this.#looks.add(rest);
    return undefined;
  }

  #resume(): void {
    for (const resume of this.#wake) resume();
    this.#wake.clear();
  }

  /** Until it is time to look: at once when everything is to be looked at, but never while the driver does not work. */
  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    if (this.#whole && this.#manager.initialized) return;
    const stop = new AbortController();
    const onAbort = (): void => stop.abort();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#wake.add(onAbort);
    await sleep(ms, undefined, { signal: stop.signal }).catch(() => {});
    this.#wake.delete(onAbort);
    signal.removeEventListener('abort', onAbort);
  }
}

/** True when the lock became ours within `ms`. */
async function cameWithin(ms: number, lock: Pick<BackendLock, 'wait'>, signal: AbortSignal): Promise<boolean> {
  const stop = within(signal, ms);
  return lock.wait(stop).then(
    () => true,
    () => false,
  );
}
