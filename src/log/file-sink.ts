import { closeSync, fstatSync, openSync, type Stats, statSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { PartialWrite, toStderr, writeAll } from './descriptor.ts';
import { FileWatch } from './file-watch.ts';
import { LogError, reasonOf } from './identity.ts';
import type { LogRecord } from './record.ts';
import type { Rotation } from './rotation.ts';
import type { Sink } from './sink.ts';

export interface FileOptions {
  readonly path: string;
  /** Whether the path is compared with the open file before a record is written, or the watch alone tells (G-054). */
  readonly compare: boolean;
  /** For the one process that rotates (G-053); gets the time of the last write to the file. */
  readonly rotation: ((lastWrite: number) => Rotation) | undefined;
  /** Whether standard error gets every record anyway. */
  readonly alsoOnStderr: boolean;
}

/** What tells one file from another. */
type Identity = Pick<Stats, 'dev' | 'ino'>;

const noticeInterval = 60_000;
const retryInterval = 1000;
const longestTimer = 2 ** 31 - 1;

/**
 * The log file. Opened for appending, so that several processes share it and `copytruncate` leaves no hole (G-002, G-052);
 * one write a record; opened again when the path leads elsewhere, at most a millisecond later while records are written
 * and a second later while none are (G-050). A record that the file does not take goes to standard error (G-006).
 */
export class FileSink implements Sink {
  readonly #options: FileOptions;
  readonly #rotation: Rotation | undefined;
  readonly #watch: FileWatch | undefined;
  #descriptor: number | undefined;
  #identity: Identity;
  #lookedAt = 0;
  #waker: NodeJS.Timeout | undefined;
  #wakesAt: number | undefined;
  /** After a failure nothing is rotated for a while. */
  #rotatesAfter = 0;
  #torn = false;
  #notifiedAt = Number.NEGATIVE_INFINITY;
  #failedAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  /** Throws LogError when the file cannot be opened (L-023). */
  constructor(options: FileOptions) {
    this.#options = options;
    try {
      this.#descriptor = openSync(options.path, 'a');
    } catch (error) {
      const user = process.getuid?.() ?? '?';
      throw new LogError(`cannot open log file ${options.path}: ${reasonOf(error)} (uid ${user})`, { cause: error });
    }
    const stat = fstatSync(this.#descriptor);
    this.#identity = stat;
    if (!stat.isFile()) return;
    this.#rotation = options.rotation?.(stat.size === 0 ? Date.now() : stat.mtimeMs);
    this.#watch = new FileWatch(options.path, () => this.#look());
    this.#look();
  }

  write(_record: LogRecord, text: string): void {
    if (this.#options.compare && performance.now() - this.#lookedAt >= 1) this.#look();
    if (this.#descriptor === undefined) this.#tryAgain();
    if (!this.#append(text) && !this.#options.alsoOnStderr) toStderr(text);
  }

  reopen(): void {
    if (this.#closed) return;
    try {
      const descriptor = openSync(this.#options.path, 'a');
      this.#release();
      this.#descriptor = descriptor;
      this.#identity = fstatSync(descriptor);
      this.#failedAt = Number.NEGATIVE_INFINITY;
      this.#watch?.renew();
    } catch (error) {
      this.#release();
      this.#failedAt = performance.now();
      this.#notice('open', error);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#watch?.close();
    clearTimeout(this.#waker);
    this.#release();
  }

  /** False when the file took nothing, or not all of it. */
  #append(text: string): boolean {
    if (this.#descriptor === undefined) return false;
    try {
      writeAll(this.#descriptor, this.#torn ? `\n${text}\n` : `${text}\n`, 0);
      this.#torn = false;
      return true;
    } catch (error) {
      if (error instanceof PartialWrite && error.written > 0) this.#torn = true;
      this.#notice('write to', error);
      return false;
    }
  }

  /** Compares the path with the open file, and rotates when it is time. */
  #look(): void {
    if (this.#closed) return;
    this.#lookedAt = performance.now();
    const found = this.#find();
    if (found === undefined) this.#tryAgain();
    else if (found.dev !== this.#identity.dev || found.ino !== this.#identity.ino) this.reopen();
    else if (this.#rotation !== undefined) this.#rotateIfDue(this.#rotation, found.size);
  }

  /** Undefined when the path leads nowhere, or cannot be followed. */
  #find(): Stats | undefined {
    try {
      return statSync(this.#options.path, { throwIfNoEntry: false });
    } catch (error) {
      this.#notice('find', error);
      return undefined;
    }
  }

  #rotateIfDue(rotation: Rotation, size: number): void {
    const now = Date.now();
    if (now >= this.#rotatesAfter && rotation.isDue(size, now)) {
      try {
        rotation.rotate(this.#options.path, now);
      } catch (error) {
        this.#rotatesAfter = now + noticeInterval;
        this.#notice('rotate', error);
      }
      this.reopen();
    }
    this.#wakeAt(Math.max(rotation.dueAt, this.#rotatesAfter));
  }

  /** A file that nobody writes to is rotated as well. */
  #wakeAt(time: number): void {
    if (time === this.#wakesAt || time === Number.POSITIVE_INFINITY) return;
    clearTimeout(this.#waker);
    this.#wakesAt = time;
    this.#waker = setTimeout(
      () => {
        this.#wakesAt = undefined;
        this.#look();
      },
      Math.min(Math.max(time - Date.now(), 0), longestTimer),
    ).unref();
  }

  #tryAgain(): void {
    if (performance.now() - this.#failedAt >= retryInterval) this.reopen();
  }

  #release(): void {
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    if (descriptor !== undefined) closeSync(descriptor);
  }

  /** One notice a minute. */
  #notice(what: string, error: unknown): void {
    const now = performance.now();
    if (now - this.#notifiedAt < noticeInterval) return;
    this.#notifiedAt = now;
    toStderr(
      `volume-daemon: cannot ${what} log file ${this.#options.path}: ${reasonOf(error)}; what it does not take goes here`,
    );
  }
}
