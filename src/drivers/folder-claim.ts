import { join } from 'node:path';
import type { Coordinator, HeldLock } from '../interface/coordinator.ts';
import type { ServiceHost } from '../objects/host.ts';

/**
 * A backend's claim on a folder: two in one folder would take each other's files for their own (S-31). It ends with the
 * process, however that ends.
 */
export class FolderClaim {
  readonly #coordinator: Coordinator;
  readonly #host: ServiceHost;
  #lock: HeldLock | undefined;

  constructor(coordinator: Coordinator, host: ServiceHost) {
    this.#coordinator = coordinator;
    this.#host = host;
  }

  get held(): boolean {
    return this.#lock !== undefined;
  }

  /**
   * Claims the folder. Throws, naming both, while another backend has it. A predecessor under our own name that still
   * drains is no stranger: then there is no claim yet, and it can be asked for again.
   */
  async take(folder: string): Promise<void> {
    if (this.#lock !== undefined) return;
    const lock = await this.#coordinator.tryLock(join(folder, '.volume-daemon.lock'));
    if (lock.held) {
      this.#lock = lock;
      await lock.write(this.#host);
    } else if (lock.note !== this.#host) {
      const holder = `${lock.note || 'another backend'} (process ${lock.pid ?? 'unknown'})`;
      throw new Error(
        `${this.#host} cannot use ${folder}: it is in use by ${holder}; each backend needs its own folder`,
      );
    }
  }

  async release(): Promise<void> {
    await this.#lock?.release();
    this.#lock = undefined;
  }
}
