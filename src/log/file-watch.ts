import { type FSWatcher, watch } from 'node:fs';

const pause = 800;
const pollInterval = 1000;

/**
 * Calls `look` when something may have happened to a file: soon after a rename or removal, within a second of other
 * changes, never while nothing happens. Writes are changes too, so that whoever follows the file's size hears of them; they
 * cost a few wake-ups a second. Where inotify is not to be had, `look` is called every second.
 */
export class FileWatch {
  readonly #path: string;
  readonly #look: () => void;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(path: string, look: () => void) {
    this.#path = path;
    this.#look = look;
    this.#arm();
  }

  /** The path leads to another file now. */
  renew(): void {
    if (this.#watcher === undefined) return;
    this.#disarm();
    this.#arm();
  }

  close(): void {
    this.#closed = true;
    this.#disarm();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(): void {
    if (this.#closed) return;
    try {
      this.#watcher = watch(this.#path, { persistent: false }, (event) => this.#changed(event));
      this.#watcher.on('error', () => this.#later(pollInterval));
    } catch {
      // The file is away for the moment, or the system has no watch left: comparing finds out which.
      this.#later(pollInterval);
    }
  }

  #disarm(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #changed(event: string): void {
    if (event === 'rename') this.#look();
    else this.#later(pause);
  }

  /** Looks after a while and not before: many changes are one. */
  #later(wait: number): void {
    this.#disarm();
    if (this.#closed || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#look();
      this.#arm();
      // What happened between the two would go unseen.
      this.#look();
    }, wait).unref();
  }
}
