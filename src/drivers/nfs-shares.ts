import { join } from 'node:path';
import { isAbort, messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Executor } from '../interface/executor.ts';
import { NfsNoSharesMounted, NfsNoSuitableShareFound } from '../objects/exceptions.ts';
import type { NfsMounts } from './nfs-mounts.ts';
import { provisionedOn, type ShareSpace, type SpaceLimits, spaceOf, whyNotEligible } from './nfs-space.ts';
import type { RemoteFiles } from './remote-files.ts';

export interface SharesParts {
  readonly mounts: NfsMounts;
  readonly exec: Executor;
  readonly files: RemoteFiles;
  readonly logger: Logger;
  readonly limits: SpaceLimits;
  readonly asRoot: () => boolean;
}

/** A share that is mounted at `folder`. */
export interface MountedShare {
  readonly share: string;
  readonly folder: string;
}

/** The shares of a backend as places for volumes: which are there, what they hold, and which takes the next one. */
export class NfsShares {
  readonly #parts: SharesParts;
  #options: ReadonlyMap<string, string | null> = new Map();

  constructor(parts: SharesParts) {
    this.#parts = parts;
  }

  /** Mount options of a share that is configured; undefined for another one. */
  optionsOf(share: string): string | null | undefined {
    return this.#options.get(share);
  }

  /** Reads which shares there are, and mounts what is not mounted. One that cannot be is told, and left out. */
  async mountAll(signal: AbortSignal): Promise<readonly MountedShare[]> {
    const { mounts, logger } = this.#parts;
    this.#options = await mounts.shares();
    const mounted = await Promise.all(
      [...this.#options].map(async ([share, options]) => {
        try {
          return { share, folder: await mounts.ensureMounted(share, options, signal) };
        } catch (error) {
          if (signal.aborted && isAbort(error)) throw error;
          logger.error('Exception during mounting %s', messageOf(error));
          return undefined;
        }
      }),
    );
    return mounted.filter((each) => each !== undefined);
  }

  /** Where a share is mounted; it is mounted now if it was not. */
  async mounted(share: string, signal: AbortSignal): Promise<MountedShare> {
    return { share, folder: await this.#parts.mounts.ensureMounted(share, this.#options.get(share) ?? null, signal) };
  }

  /** Every share, of those that are mounted, on which a file of that name stands. */
  async withFile(name: string, signal: AbortSignal): Promise<readonly MountedShare[]> {
    const found: MountedShare[] = [];
    const mounted = await this.#parts.mounts.mounted();
    for (const share of this.#options.keys()) {
      const each = { share, folder: this.#parts.mounts.mountPoint(share) };
      if (!mounted.has(each.folder)) continue;
      if ((await this.#parts.files.size(join(each.folder, name), signal)) !== undefined) found.push(each);
    }
    return found;
  }

  /** The share for a new volume: of those that can take it, the one of which the least is promised. */
  async choose(gib: number, signal: AbortSignal): Promise<MountedShare> {
    const mounted = await this.mountAll(signal);
    if (mounted.length === 0) throw new NfsNoSharesMounted();
    let best: (MountedShare & { readonly allocated: number }) | undefined;
    for (const each of mounted) {
      const space = await this.#space(each.folder, signal);
      const why = whyNotEligible(space, gib, this.#parts.limits);
      if (why !== undefined) this.#parts.logger.debug('%s is not eligible - %s.', each.share, why);
      else if (best === undefined || best.allocated > space.allocated) best = { ...each, allocated: space.allocated };
    }
    if (best === undefined) throw new NfsNoSuitableShareFound({ volume_size: gib });
    return best;
  }

  /** Whether a share that holds a volume can take so many GiB more. */
  async canGrow({ folder }: MountedShare, gib: number, signal: AbortSignal): Promise<boolean> {
    return whyNotEligible(await this.#space(folder, signal), gib, this.#parts.limits) === undefined;
  }

  /** Bytes of all shares together; shares that do not answer are told and left out. `mounted` counts the others. */
  async total(signal: AbortSignal): Promise<ShareSpace & { readonly provisioned: number; readonly mounted: number }> {
    const { exec, logger, asRoot } = this.#parts;
    const sum = { total: 0, available: 0, allocated: 0, provisioned: 0, mounted: 0 };
    for (const { share, folder } of await this.mountAll(signal)) {
      try {
        const space = await this.#space(folder, signal);
        sum.provisioned += await provisionedOn(exec, folder, asRoot(), signal);
        sum.total += space.total;
        sum.available += space.available;
        sum.allocated += space.allocated;
        sum.mounted += 1;
      } catch (error) {
        if (signal.aborted && isAbort(error)) throw error;
        logger.error('Share %s does not tell its capacity: %s', share, messageOf(error));
      }
    }
    return sum;
  }

  #space(folder: string, signal: AbortSignal): Promise<ShareSpace> {
    return spaceOf(this.#parts.exec, folder, this.#parts.asRoot(), signal);
  }
}
