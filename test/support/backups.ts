import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { accepted, type Cinder } from './cinder.ts';
import { sectionsText } from './daemon.ts';
import { eventually } from './eventually.ts';

/** A backup reads a whole GiB, and so does what comes of it. */
const patience = 180_000;

/** Debian's cinder-backup, whose backups are files in `folder`. */
export async function startBackupService(cinder: Cinder): Promise<void> {
  const folder = join(cinder.folder, 'backups');
  mkdirSync(folder, { recursive: true });
  const conf = join(cinder.folder, 'cinder-backup.conf');
  const options = {
    backup_driver: 'cinder.backup.drivers.posix.PosixBackupDriver',
    backup_posix_path: folder,
    backup_container: 'of-a-test',
    backup_sha_block_size_bytes: 2 ** 20,
    backup_file_size: 2 ** 28,
    backup_enable_progress_timer: false,
    report_interval: 2,
  };
  writeFileSync(conf, sectionsText({ DEFAULT: options }));
  await cinder.run('cinder-backup', [conf]);
  const isUp = async (): Promise<boolean> => {
    const { body } = await cinder.get('/os-services?binary=cinder-backup');
    return body?.services?.some(({ state }: { state: string }) => state === 'up');
  };
  await eventually('cinder-backup is up', isUp, 90_000).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${cinder.logOf('cinder-backup').slice(-4000)}`);
  });
}

/** A backup that cinder-backup made. */
export async function aBackup(cinder: Cinder, volumeId: string, more: Readonly<Record<string, unknown>> = {}) {
  const { id } = await askForBackup(cinder, volumeId, more);
  return cinder.becomes('backups', id, 'available', patience).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${cinder.logOf('cinder-backup').slice(-4000)}`);
  });
}

/** Asks for one and does not wait. */
export async function askForBackup(
  cinder: Cinder,
  volumeId: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly id: string }> {
  return accepted(await cinder.post('/backups', { backup: { volume_id: volumeId, name: 'of-a-test', ...more } }))
    .backup;
}

/** A new volume that is asked for with the backup as its source, and filled. */
export async function volumeFrom(cinder: Cinder, backupId: string) {
  const { id } = accepted(await cinder.post('/volumes', { volume: { backup_id: backupId, size: 1 } })).volume;
  return filled(cinder, id, backupId);
}

/** Fills a volume from a backup: the one that is named, or a new one. Resolves to the volume. */
export async function restored(cinder: Cinder, backupId: string, to: { readonly volume_id?: string } = {}) {
  const { restore } = accepted(await cinder.post(`/backups/${backupId}/restore`, { restore: to }));
  return filled(cinder, restore.volume_id, backupId);
}

async function filled(cinder: Cinder, volumeId: string, backupId: string) {
  const volume = await cinder.becomes('volumes', volumeId, 'available', patience);
  await cinder.becomes('backups', backupId, 'available');
  return volume;
}
