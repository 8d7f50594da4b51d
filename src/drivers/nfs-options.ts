import { capacityOptions } from '../interface/capacity-options.ts';
import { bool, int, str } from '../interface/options.ts';

/** What upstream's NfsDriver reads from its section and has an effect (config.md §12.2). */
export const nfsOptions = {
  ...capacityOptions,
  nfs_shares_config: str('/etc/cinder/nfs_shares', 'File with one share per line: host:/path, and mount options'),
  nfs_mount_options: str(undefined, 'Options to mount shares with, as of mount -o'),
  nfs_mount_attempts: int(3, 'How often a mount is tried, at least once'),
  nfs_mount_point_base: str('$state_path/mnt', 'Folder below which shares are mounted'),
  nfs_sparsed_volumes: bool(true, 'Volumes take the space that their data need; else all of it at once'),
  nfs_qcow2_volumes: bool(false, 'New volumes are QCOW2 files'),
  nfs_snapshot_support: bool(false, 'Allow snapshots'),
  nas_host: str('', 'Address of the server of the only share'),
  nas_share_path: str('', 'Path of the only share'),
  nas_mount_options: str(undefined, 'Options to mount the only share with'),
  nas_secure_file_operations: str('auto', 'Whether files are worked on without root: true, false or auto'),
  nas_secure_file_permissions: str('auto', 'Whether files are for their owner and group alone: true, false or auto'),
};
