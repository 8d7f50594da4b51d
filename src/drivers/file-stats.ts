import { statfs } from 'node:fs/promises';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { capacityOptions } from '../interface/capacity-options.ts';
import type { ValuesOf } from '../interface/options.ts';
import type { TargetDriver } from '../interface/target-driver.ts';
import type { VolumeStats } from '../interface/volume-driver.ts';
import { nodeOf, type ServiceHost } from '../objects/host.ts';
import type { FolderClaim } from './folder-claim.ts';
import { notSetUp } from './module.ts';
import type { VolumeFiles } from './volume-files.ts';
import { inGiB } from './volume-size.ts';

export interface FileStatsParts {
  readonly host: ServiceHost;
  readonly version: string;
  readonly values: ValuesOf<typeof capacityOptions> & { readonly file_capacity_gb: number };
  readonly claim: FolderClaim;
  readonly logger: Logger;
}

/** What the scheduler is told of a folder of volumes: a backend that is broken is reported as down, and says why in the log. */
export class FileStats {
  readonly #parts: FileStatsParts;
  /** Why the backend was down in the last report. */
  #trouble = '';

  constructor(parts: FileStatsParts) {
    this.#parts = parts;
  }

  /** The folder and its exporter as they are now; without them, before the set-up, the backend is down. */
  async report(
    files: VolumeFiles | undefined,
    exporter: TargetDriver | undefined,
    signal: AbortSignal,
  ): Promise<VolumeStats> {
    const { host, version, values } = this.#parts;
    const name = values.volume_backend_name ?? 'file';
    const capacity = await this.#capacity(files, exporter, signal);
    const used = files?.used ?? { files: 0, provisioned: 0 };
    return {
      volume_backend_name: name,
      vendor_name: 'Open Source',
      driver_version: version,
      storage_protocol: exporter?.protocol ?? 'iSCSI',
      shared_targets: false,
      sparse_copy_volume: true,
      pools: [
        {
          pool_name: name,
          ...capacity,
          provisioned_capacity_gb: inGiB(used.provisioned),
          reserved_percentage: values.reserved_percentage,
          max_over_subscription_ratio: values.max_over_subscription_ratio,
          thin_provisioning_support: true,
          thick_provisioning_support: false,
          multiattach: true,
          QoS_support: false,
          total_volumes: used.files,
          location_info: `FileDriver:${nodeOf(host)}:${files?.path ?? ''}`,
        },
      ],
    };
  }

  async #capacity(files: VolumeFiles | undefined, exporter: TargetDriver | undefined, signal: AbortSignal) {
    try {
      if (files === undefined || exporter === undefined) notSetUp();
      await files.check();
      const limit = this.#parts.values.file_capacity_gb;
      if (!this.#parts.claim.held) await this.#claimAgain(files);
      else if (limit > 0) await files.sweep();
      await exporter.check(signal);
      const { bsize, blocks, bavail } = await statfs(files.path);
      const [total, free] = [inGiB(blocks * bsize), inGiB(bavail * bsize)];
      this.#tellTrouble('');
      return {
        total_capacity_gb: limit > 0 ? Math.min(limit, total) : total,
        free_capacity_gb: limit > 0 ? Math.min(free, Math.max(0, limit - inGiB(files.used.allocated))) : free,
        backend_state: 'up',
      } as const;
    } catch (error) {
      signal.throwIfAborted();
      this.#tellTrouble(messageOf(error));
      return { total_capacity_gb: 0, free_capacity_gb: 0, backend_state: 'down' } as const;
    }
  }

  /** A predecessor had the folder while it drained; its left-overs are ours when it is gone. */
  async #claimAgain(files: VolumeFiles): Promise<void> {
    const { claim } = this.#parts;
    await claim.take(files.path);
    if (claim.held) await files.sweep();
  }

  /** Logged when it changes, not with every report. */
  #tellTrouble(reason: string): void {
    const { logger, host } = this.#parts;
    if (reason !== '' && reason !== this.#trouble) logger.error('Backend %s is down: %s', host, reason);
    if (reason === '' && this.#trouble !== '') logger.info('Backend %s is up again.', host);
    this.#trouble = reason;
  }
}
