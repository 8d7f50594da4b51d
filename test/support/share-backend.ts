import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Section } from './daemon.ts';
import { aShare, sharePoint } from './nfs-share.ts';

/** Where the volumes of the backend are. */
export function shareFolder(folder: string): string {
  return sharePoint(join(folder, 'nfs'), aShare);
}

/**
 * The section of a backend on a share that is of this machine: a bind mount stands where the daemon, and os-brick after it,
 * would mount one. Only root can make it.
 */
export function aShareBackend(folder: string, undo: (step: () => unknown) => void): Section {
  const [exported, point, shares] = [join(folder, 'nfs/export'), shareFolder(folder), join(folder, 'nfs/shares')];
  for (const made of [exported, point]) mkdirSync(made, { recursive: true });
  execFileSync('mount', ['--bind', exported, point]);
  undo(() => execFileSync('umount', ['--lazy', point]));
  writeFileSync(shares, `${aShare}\n`);
  return {
    volume_driver: 'cinder.volume.drivers.nfs.NfsDriver',
    nfs_shares_config: shares,
    nfs_mount_point_base: join(folder, 'nfs/mnt'),
    nfs_snapshot_support: true,
    nas_secure_file_operations: false,
    nas_secure_file_permissions: false,
    max_over_subscription_ratio: '1000',
  };
}
