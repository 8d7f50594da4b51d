import type { VolumeManager } from './manager.ts';

const nvme = ['NVMe-oF', 'NVMeOF', 'nvmeof', 'NVMe-RoCE', 'NVMe-FC', 'NVMe-TCP'];

/** `shared_targets` of manager.md §4.1 step 9. */
export function sharedTargets({ capabilities }: Pick<VolumeManager, 'capabilities'>): boolean | null {
  if (capabilities.described['shared_targets'] === false) return false;
  const protocol = String(capabilities.described['storage_protocol'] ?? '');
  if (nvme.includes(protocol)) return null;
  return ['iSCSI', 'iscsi'].includes(protocol);
}
