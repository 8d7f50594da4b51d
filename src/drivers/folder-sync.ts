import { open } from 'node:fs/promises';

/**
 * Makes changes of a folder's entries durable. Whoever asks while a sync is under way shares the next one, so that many
 * operations side by side cost a few.
 */
export class FolderSync {
  readonly #folder: string;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Resolves when every entry made or removed before this call is on disk. */
  sync(): Promise<void> {
    if (this.#running === undefined) {
      this.#running = this.#sync().finally(() => {
        this.#running = undefined;
      });
      return this.#running;
    }
    this.#next ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.sync();
      });
    return this.#next;
  }

  async #sync(): Promise<void> {
    const handle = await open(this.#folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}
