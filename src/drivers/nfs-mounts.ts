import { readFile, realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAbort, messageOf } from '../base/errors.ts';
import { makeFolder } from '../base/folders.ts';
import type { Logger } from '../base/log.ts';
import { mounts, sharePoint } from '../base/mounts.ts';
import { type Executor, ProcessExecutionError } from '../interface/executor.ts';
import type { ValuesOf } from '../interface/options.ts';
import { NfsException } from '../objects/exceptions.ts';
import type { nfsOptions } from './nfs-options.ts';

type Values = Pick<
  ValuesOf<typeof nfsOptions>,
  | 'nfs_shares_config'
  | 'nfs_mount_options'
  | 'nfs_mount_attempts'
  | 'nfs_mount_point_base'
  | 'nas_host'
  | 'nas_share_path'
  | 'nas_mount_options'
>;

export interface MountParts {
  readonly exec: Executor;
  readonly logger: Logger;
  readonly values: Values;
  /** Where something is mounted now. */
  readonly mounted?: () => Promise<ReadonlySet<string>>;
  /** Milliseconds between two tries of a mount. */
  readonly pause?: number;
}

/** The shares of a backend, each mounted at `nfs_mount_point_base/<md5 of its name>` as upstream and os-brick do it. */
export class NfsMounts {
  readonly #parts: Required<MountParts>;
  /** `nfs_mount_point_base` with its links resolved. */
  readonly base: string;

  static async open(parts: MountParts): Promise<NfsMounts> {
    const base = resolve(parts.values.nfs_mount_point_base);
    return new NfsMounts(parts, await realpath(base).catch(() => base));
  }

  private constructor(parts: MountParts, base: string) {
    this.#parts = { mounted: mountPoints, pause: 1000, ...parts };
    this.base = base;
  }

  /** The shares with their options, from the file or the single share, read afresh. Throws where there is no such file. */
  async shares(): Promise<ReadonlyMap<string, string | null>> {
    const { values, logger } = this.#parts;
    const { nas_host, nas_share_path, nas_mount_options, nfs_shares_config } = values;
    if (nas_host !== '' && nas_share_path !== '') {
      const share = `${nas_host}:${nas_share_path}`;
      if (!isShare(share)) throw new NfsException(`nas_host and nas_share_path make no share: ${share}`);
      return new Map([[share, nas_mount_options ?? null]]);
    }
    if (nfs_shares_config === '') throw new NfsException("There's no NFS config file configured (nfs_shares_config)");
    const text = await readFile(nfs_shares_config, 'utf8').catch((error: NodeJS.ErrnoException) => {
      const why = error.code === 'ENOENT' ? "doesn't exist" : `cannot be read: ${error.message}`;
      throw new NfsException(`NFS config file at ${nfs_shares_config} ${why}`, { cause: error });
    });
    return parseShares(text, (share) =>
      logger.error('Share %s ignored due to invalid format. Must be of form address:/export.', share),
    );
  }

  /** Where something is mounted now. */
  mounted(): Promise<ReadonlySet<string>> {
    return this.#parts.mounted();
  }

  mountPoint(share: string): string {
    return sharePoint(this.base, share);
  }

  /** Sees to it that the share is mounted, and tells where. A mount point on which something is mounted is the share's. */
  async ensureMounted(share: string, options: string | null, signal: AbortSignal): Promise<string> {
    const { values, logger, pause, mounted } = this.#parts;
    const point = this.mountPoint(share);
    if ((await mounted()).has(point)) return point;
    const attempts = Math.max(1, values.nfs_mount_attempts);
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#mount(share, point, options, signal);
        return point;
      } catch (error) {
        if (signal.aborted && isAbort(error)) throw error;
        const reason = error instanceof ProcessExecutionError ? error.stderr.trim() || error.message : messageOf(error);
        if (attempt === attempts) {
          logger.error('Mount failure for %s after %s attempts.', share, attempts);
          throw new NfsException(`NFS mount failed for share ${share}. Error - ${reason}`, { cause: error });
        }
        logger.debug('Mount attempt %s failed: %s.\nRetrying mount ...', attempt - 1, reason);
        await sleep(pause, undefined, { signal });
      }
    }
  }

  /** NFS 4.1 is asked for first, unless the options name a version. */
  async #mount(share: string, point: string, options: string | null, signal: AbortSignal): Promise<void> {
    const { exec, values, mounted } = this.#parts;
    await makeFolder(point, 0o777);
    const chosen = values.nas_mount_options ?? values.nfs_mount_options;
    // Upstream hands the options of a single share to mount a second time, as bare words, on which mount stumbles.
    const flags = (options ?? '').split(/\s+/).filter((word) => word !== '');
    const usable = options === values.nas_mount_options && !options?.startsWith('-') ? [] : flags;
    let failure: unknown;
    for (const wanted of versions(chosen)) {
      try {
        const words = ['-t', 'nfs', ...(wanted === undefined ? [] : ['-o', wanted]), ...usable, share, point];
        await exec.run('mount', words, { asRoot: true, signal, timeout: 150_000 });
        return;
      } catch (error) {
        if (signal.aborted && isAbort(error)) throw error;
        if ((await mounted()).has(point)) return;
        failure = error;
      }
    }
    throw failure;
  }
}

async function mountPoints(): Promise<ReadonlySet<string>> {
  return new Set((await mounts()).map(({ point }) => point));
}

/** Lines `host:/path -o options`; `#` begins a comment, and `\040` stands for a blank. */
export function parseShares(text: string, ignored: (share: string) => void): ReadonlyMap<string, string | null> {
  const shares = new Map<string, string | null>();
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const blank = line.indexOf(' ');
    const share = (blank < 0 ? line : line.slice(0, blank)).trim().replaceAll('\\040', ' ');
    if (isShare(share)) shares.set(share, blank < 0 ? null : line.slice(blank + 1).trim());
    else ignored(share);
  }
  return shares;
}

function isShare(share: string): boolean {
  return /^.+:\/.+/.test(share);
}

function versions(options: string | undefined): readonly (string | undefined)[] {
  const words = (options ?? '').split(',').map((word) => word.trim());
  if (words.some((word) => /^(nfsvers|vers|v\d)/.test(word))) return [options];
  const others = words.filter((word) => word !== '' && !word.startsWith('minorversion'));
  return [[...others, 'vers=4', 'minorversion=1'].join(','), options];
}
