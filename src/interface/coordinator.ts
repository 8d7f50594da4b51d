/** Locks that other processes of this machine see: same files and same kind of lock as upstream's (manager.md §13). */
export interface Coordinator {
  /**
   * Runs `body` while nobody else, in this process or another, holds `name` (`cinder-<name>` in the lock directory).
   * Waits as long as it takes, says so once after 60 s, and gives up with the signal's reason when `signal` aborts.
   */
  withLock<T>(name: string, body: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /**
   * Takes the lock on a file of its own (an absolute path, made when absent) if it is free now. It is held until `release`,
   * or until this process ends in whatever way.
   */
  tryLock(file: string): Promise<HeldLock | OtherHolder>;
  /** Removes the lock files of a resource that is gone: every name that contains `id` (O-22c). Nothing is held twice by it. */
  forget(id: string): Promise<void>;
}

/** A lock in our hands. Beside its file stands one line of text that everyone can read, held or not (`<file>.note`). */
export interface HeldLock {
  readonly held: true;
  /** What the last holder wrote; empty when there was none. */
  readonly note: string;
  /** Replaces the note; a reader sees the old line or the new one. */
  write(note: string): Promise<void>;
  release(): Promise<void>;
}

/** Somebody else has it. */
export interface OtherHolder {
  readonly held: false;
  readonly note: string;
  /** Undefined where the kernel does not say, as for a holder in another container. */
  readonly pid: number | undefined;
}
