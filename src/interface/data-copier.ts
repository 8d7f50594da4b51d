import type { ConnectionInfo, Connector, LocalFormat, Progress } from './volume-driver.ts';

/** Data at a path of this machine. */
interface LocalPlace {
  readonly path: string;
  readonly format: LocalFormat;
}

/** Data that qemu's own client of a storage protocol reaches; the options are those of its block driver. */
interface RemotePlace {
  readonly client: Readonly<Record<string, string>>;
  readonly format: LocalFormat;
  /** Given to the client as `password-secret`. */
  readonly secret?: string;
}

export type DataPlace = LocalPlace | RemotePlace;

export interface CopyOptions {
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/** Copies the data of a whole volume over another (manager.md §6.3, §9.5). */
export interface DataCopier {
  /**
   * Where the data are that a service has let us in to, as a host that says `connector` of itself; a share that is not
   * mounted here is mounted, and stays so. Throws VolumeMigrationFailed for a way that our copies do not go (manager.md
   * §9.5 [N]).
   */
  reach(info: ConnectionInfo, connector: Connector, signal: AbortSignal): Promise<DataPlace>;
  /**
   * Afterwards `to` reads as `from` does, whatever stood there before, and keeps its own format; holes stay holes where the
   * target can have them. The target is there already and is at least as large. Cut off, it holds some mixture.
   */
  copy(from: DataPlace, to: DataPlace, options: CopyOptions): Promise<void>;
}
