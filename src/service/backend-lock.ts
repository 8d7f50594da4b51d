import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Coordinator, HeldLock } from '../interface/coordinator.ts';
import type { ServiceHost } from '../objects/host.ts';
import type { Service } from '../objects/service.ts';

/** Milliseconds between two tries while a predecessor still has it. */
const askEvery = 250;

/**
 * The kernel lock of one service on this machine, from before its set-up to its last moment. Who has it knows that
 * no predecessor lives here; its note tells whether the predecessor was here at all.
 */
export class BackendLock {
  readonly #coordinator: Coordinator;
  readonly #file: string;
  #held: HeldLock | undefined;
  /** What was to be noted while the lock was not ours. */
  #count: string | undefined;
  readonly #log: Pick<Logger, 'warning'>;
  #isNoted = true;

  constructor(coordinator: Coordinator, statePath: string, host: ServiceHost, log: Pick<Logger, 'warning'>) {
    this.#coordinator = coordinator;
    this.#log = log;
    this.#file = join(statePath, `${host}.lock`);
  }

  get held(): boolean {
    return this.#held !== undefined;
  }

  /** One try. */
  async take(): Promise<boolean> {
    if (this.#held !== undefined) return true;
    const lock = await this.#coordinator.tryLock(this.#file);
    if (!lock.held) return false;
    this.#held = lock;
    await this.#write();
    return true;
  }

  /** Resolves when it is ours. */
  async wait(signal: AbortSignal): Promise<void> {
    while (!(await this.take())) await sleep(askEvery, undefined, { signal });
  }

  /**
   * Whether nobody else can be at work on what this service has claimed: the lock is ours, and the row was last written from
   * here. The note is written before the row, so it may be one ahead.
   */
  provesAlone(row: Service, isNew: boolean): boolean {
    if (this.#held === undefined) return false;
    const noted = this.#held.note.trim();
    return isNew || noted === String(row.report_count) || noted === String(row.report_count + 1);
  }

  /**
   * Notes the `report_count` that is about to be written; as soon as the lock is ours, where it is not yet. Where it cannot
   * be written, as on a full disk, the log says so once: the next start then takes its time to find that it is alone, which
   * is no reason to call the service down now.
   */
  async note(reportCount: number): Promise<void> {
    this.#count = String(reportCount);
    await this.#write();
  }

  async #write(): Promise<void> {
    if (this.#held === undefined || this.#count === undefined) return;
    try {
      await this.#held.write(this.#count);
      this.#isNoted = true;
    } catch (error) {
      const template = 'Reports are not noted in %s (%s): a restart will look longer for another process at work here';
      if (this.#isNoted) this.#log.warning(template, `${this.#file}.note`, messageOf(error));
      this.#isNoted = false;
    }
  }

  async release(): Promise<void> {
    await this.#held?.release();
    this.#held = undefined;
  }
}
