import { isAbort } from '../base/errors.ts';
import { makeFolder } from '../base/folders.ts';
import { mounts, sharePoint } from '../base/mounts.ts';
import { type Executor, ProcessExecutionError } from '../interface/executor.ts';
import { VolumeMigrationFailed } from '../objects/exceptions.ts';

/** A share as the connection to a volume on it names it. */
export interface Share {
  /** `host:/path`. */
  readonly name: string;
  /** Words for mount, such as `-o hard`. */
  readonly flags: readonly string[];
  /** Folder below which its service has shares mounted; undefined where it does not say. */
  readonly base: string | undefined;
}

const version41 = ['-o', 'vers=4,minorversion=1'];

/**
 * Where a share is mounted on this machine. What is mounted where its service would have it counts as the share, as os-brick
 * has it; else the share is used where it is; else it is mounted, and stays so (manager.md §9.5). Throws
 * VolumeMigrationFailed where that cannot be. Cut off, the share may be mounted.
 */
export async function mountPointOf(share: Share, exec: Pick<Executor, 'run'>, signal: AbortSignal): Promise<string> {
  const { name, base } = share;
  const point = base === undefined ? undefined : sharePoint(base, name);
  const mounted = await mounts();
  if (point !== undefined && mounted.some((each) => each.point === point)) return point;
  const found = mounted.find(({ device }) => device === name);
  if (found !== undefined) return found.point;
  if (point === undefined) {
    throw new VolumeMigrationFailed({ reason: `the share ${name} is not mounted on this machine` });
  }
  await mount(share, point, exec, signal);
  return point;
}

/** NFS 4.1 is asked for first, as by everybody who mounts shares of volumes. */
async function mount({ name, flags }: Share, point: string, exec: Pick<Executor, 'run'>, signal: AbortSignal) {
  await makeFolder(point, 0o777);
  let why = '';
  for (const version of [version41, []]) {
    try {
      const words = ['-t', 'nfs', ...version, ...flags, name, point];
      await exec.run('mount', words, { asRoot: true, signal, timeout: 150_000 });
      return;
    } catch (error) {
      if (signal.aborted && isAbort(error)) throw error;
      why = error instanceof ProcessExecutionError ? error.stderr.trim() || error.message : String(error);
    }
  }
  throw new VolumeMigrationFailed({ reason: `the share ${name} cannot be mounted at ${point}: ${why}` });
}
