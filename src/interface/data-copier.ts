import type { LocalFormat, Progress } from './volume-driver.ts';

/** Data that this machine can reach: a path, or the address that qemu's own client of a storage protocol takes. */
export interface DataPlace {
  readonly path: string;
  readonly format: LocalFormat;
}

export interface CopyOptions {
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/** Copies the data of a whole volume over another (manager.md §6.3, §9.5). */
export interface DataCopier {
  /**
   * Afterwards `to` reads as `from` does, whatever stood there before, and keeps its own format; holes stay holes where the
   * target can have them. The target is there already and is at least as large. Cut off, it holds some mixture.
   */
  copy(from: DataPlace, to: DataPlace, options: CopyOptions): Promise<void>;
}
