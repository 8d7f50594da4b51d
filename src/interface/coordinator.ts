/** Locks that other processes of this machine see: same files and same kind of lock as upstream's (manager.md §13). */
export interface Coordinator {
  /**
   * Runs `body` while nobody else, in this process or another, holds `name` (`cinder-<name>` in the lock directory).
   * Waits as long as it takes, says so once after 60 s, and gives up with an AbortError when `signal` aborts.
   */
  withLock<T>(name: string, body: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Takes the lock now if it is free. The holder keeps it until `release`, or until its process ends. */
  tryLock(name: string): Promise<HeldLock | undefined>;
  /** Removes the lock files of a resource that is gone: every name that contains `id` (O-22c). Nothing is held twice by it. */
  forget(id: string): Promise<void>;
}

/** A lock in our hands. Its file carries one line of text that the next holder can read. */
export interface HeldLock {
  /** What the last holder wrote; empty in a new file. */
  readonly note: string;
  write(note: string): Promise<void>;
  release(): Promise<void>;
}
