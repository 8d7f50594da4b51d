import type { VolumeStats } from '../interface/volume-driver.ts';
import type { NfsBackend } from './nfs-setup.ts';
import { overSubscription } from './nfs-space.ts';
import { GiB, inGiB } from './volume-size.ts';

/** What the scheduler is told of all shares together, in upstream's words (scheduler-stats.md §3). */
export async function nfsStats(
  { values, shares }: NfsBackend,
  version: string,
  signal: AbortSignal,
): Promise<VolumeStats> {
  const { total, available, provisioned, mounted } = await shares.total(signal);
  const { nfs_sparsed_volumes: thin, volume_backend_name, reserved_percentage } = values;
  return {
    volume_backend_name: volume_backend_name ?? 'Generic_NFS',
    vendor_name: 'Open Source',
    driver_version: version,
    storage_protocol: 'nfs',
    total_capacity_gb: total / GiB,
    free_capacity_gb: available / GiB,
    provisioned_capacity_gb: inGiB(thin ? provisioned : total - available),
    max_over_subscription_ratio: overSubscription(values.max_over_subscription_ratio),
    reserved_percentage,
    thin_provisioning_support: thin,
    thick_provisioning_support: !thin,
    QoS_support: false,
    sparse_copy_volume: true,
    ...(mounted === 0 ? { backend_state: 'down' } : {}),
  };
}
