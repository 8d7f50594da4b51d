import type { Logger } from '../base/log.ts';
import type { DriverParts } from '../interface/driver-parts.ts';
import type { Naming } from '../interface/naming.ts';
import type { ValuesOf } from '../interface/options.ts';
import { NfsException, NfsNoSharesMounted, VolumeDriverException } from '../objects/exceptions.ts';
import { type AssistedParts, AssistedSnapshots } from './assisted-snapshots.ts';
import { type NasSecurity, nasSecurity } from './nas-security.ts';
import { type MountParts, NfsMounts } from './nfs-mounts.ts';
import type { nfsOptions } from './nfs-options.ts';
import { NfsShares } from './nfs-shares.ts';
import { overSubscription } from './nfs-space.ts';
import { NfsVolumes } from './nfs-volumes.ts';
import { QemuImg } from './qemu-img.ts';
import { RemoteFiles } from './remote-files.ts';

export type NfsValues = ValuesOf<typeof nfsOptions>;

/** What the operations on the volumes of a backend share. */
export interface NfsBackend {
  readonly values: NfsValues;
  readonly logger: Logger;
  readonly naming: Naming;
  /** Folder below which shares are mounted. */
  readonly mountBase: string;
  readonly shares: NfsShares;
  readonly volumes: NfsVolumes;
  readonly files: RemoteFiles;
  readonly qemu: QemuImg;
  readonly assisted: AssistedSnapshots;
  /** Mode of new files, as chmod takes it. */
  readonly permissions: string;
}

/** What tests have in place of the kernel's table of mounts and of long pauses. */
export type Timing = Pick<MountParts, 'mounted' | 'pause'> & { readonly look?: NonNullable<AssistedParts['pause']> };

/**
 * Mounts the shares and sees how their files are to be worked on. Throws why the backend cannot be used, and then nothing of
 * it is kept but the mounts: it may be opened again.
 */
export async function openNfs(
  parts: DriverParts,
  values: NfsValues,
  { look, ...mounting }: Timing,
  signal: AbortSignal,
): Promise<NfsBackend> {
  const { exec, records, coordinator, naming } = parts;
  const logger = parts.logs('cinder.volume.drivers.nfs');
  let security: NasSecurity = { filePermissions: false, fileOperations: false };
  const asRoot = (): boolean => !security.fileOperations;
  const [files, qemu] = [new RemoteFiles(exec, asRoot), new QemuImg(exec, asRoot)];
  const limits = {
    reservedPercentage: values.reserved_percentage,
    overSubscription: overSubscription(values.max_over_subscription_ratio),
  };
  const mounts = await NfsMounts.open({ exec, logger, values, ...mounting });
  await mounts.shares();
  if ((await exec.find('mount.nfs')) === undefined) throw new NfsException('mount.nfs is not installed');
  const shares = new NfsShares({ mounts, exec, files, logger, limits, asRoot });
  const [first] = await shares.mountAll(signal);
  if (first === undefined) throw new NfsNoSharesMounted();
  const isNewInstallation = (): Promise<boolean> => records.isNewInstallation();
  security = await nasSecurity({ exec, files, logger, values, isNewInstallation }, first.folder, signal);
  const { filePermissions, fileOperations: keepOwner } = security;
  if (values.nfs_snapshot_support && keepOwner) throw snapshotsNeedRoot();
  const permissions = filePermissions ? '660' : 'ugo+rw';
  const volumes = new NfsVolumes({ shares, files, qemu, naming, coordinator, permissions, keepOwner });
  const openNova: AssistedParts['openNova'] = (signal) => parts.openNova(signal);
  const assisted = new AssistedSnapshots({ records, openNova, logger, ...(look && { pause: look }) });
  return { values, logger, naming, mountBase: mounts.base, shares, volumes, files, qemu, assisted, permissions };
}

function snapshotsNeedRoot(): VolumeDriverException {
  return new VolumeDriverException(
    "Snapshots are not supported with nas_secure_file_operations enabled ('true' or 'auto'). Please set it to " +
      "'false' if you intend to  have it enabled.",
  );
}
