import { join } from 'node:path';
import type { Logger } from '../base/log.ts';
import { type Executor, ProcessExecutionError } from '../interface/executor.ts';
import { VolumeDriverException } from '../objects/exceptions.ts';
import type { RemoteFiles } from './remote-files.ts';

/** The file that says that a share was set up by a new installation, and is therefore used in the secure way. */
const marker = '.cinderSecureEnvIndicator';
const markerText = 'Detector file for Cinder secure environment usage.\nDo not delete this file.\n';
const manual = 'https://docs.openstack.org/cinder/latest/admin/blockstorage-nfs-backend.html';

export interface NasSecurity {
  /** Files are 660; else everybody may read and write them. */
  readonly filePermissions: boolean;
  /** Files are worked on as the user that the daemon runs as; else as root. */
  readonly fileOperations: boolean;
}

export interface SecurityParts {
  readonly exec: Executor;
  readonly files: RemoteFiles;
  readonly logger: Logger;
  readonly values: { readonly nas_secure_file_operations: string; readonly nas_secure_file_permissions: string };
  readonly isNewInstallation: () => Promise<boolean>;
}

/** What the two options come to, `auto` among them, on a share that is mounted at `folder`. */
export async function nasSecurity(parts: SecurityParts, folder: string, signal: AbortSignal): Promise<NasSecurity> {
  const { logger, values } = parts;
  const [permissions, operations] = (['nas_secure_file_permissions', 'nas_secure_file_operations'] as const).map(
    (name) => {
      const value = values[name].toLowerCase();
      if (value === 'auto' || value === 'true' || value === 'false') return value;
      throw new VolumeDriverException(`NAS config '${name}=${value}' invalid. Must be 'auto', 'true', or 'false'`);
    },
  );
  const filePermissions = permissions === 'auto' ? await detect(parts, folder, signal) : permissions === 'true';
  if (!filePermissions) {
    logger.warning(
      'The NAS file permissions mode will be 666 (allowing other/world read & write access). This is considered an ' +
        'insecure NAS environment. Please see %s for information on a secure NFS configuration.',
      manual,
    );
  }
  const fileOperations = operations === 'auto' ? await detect(parts, folder, signal) : operations === 'true';
  if (!fileOperations) {
    logger.warning(
      'The NAS file operations will be run as root: allowing root level access at the storage backend. This is ' +
        'considered an insecure NAS environment. Please see %s for information on a secure NAS configuration.',
      manual,
    );
  }
  return { filePermissions, fileOperations };
}

async function detect(parts: SecurityParts, folder: string, signal: AbortSignal): Promise<boolean> {
  const { exec, files, logger } = parts;
  const path = join(folder, marker);
  if ((await files.size(path, signal)) !== undefined) {
    logger.info('Cinder secure environment indicator file exists.');
    return true;
  }
  if (!(await parts.isNewInstallation())) return false;
  try {
    await exec.run('dd', [`of=${path}`, 'status=none'], { input: markerText, signal });
  } catch (error) {
    if (!(error instanceof ProcessExecutionError)) throw error;
    logger.error('Failed to created Cinder secure environment indicator file: %s', error.stderr.trim());
    if (!/Permission denied/.test(error.stderr)) return true;
    logger.warning(
      'Reverting to non-secure mode. Adjust permissions at %s to allow the cinder volume service write access to use ' +
        'secure mode.',
      folder,
    );
    return false;
  }
  await files.chmod(path, '640', signal);
  logger.info('New Cinder secure environment indicator file created at path %s.', path);
  return true;
}
