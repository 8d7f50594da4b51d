import type { BackupService } from '../interface/backup-service.ts';
import type { VersionPins } from '../interface/version-pins.ts';
import { backupCodec, backupDeviceInfoCodec } from '../objects/backup.ts';
import { backupTarget } from './addressing.ts';
import { mustHaveLeft, patience } from './cast-terms.ts';
import type { OwnRequest, RpcClient } from './client.ts';

/** cinder-backup as the volume service knows it (rpc.md §5.2). */
export function backupClient(client: Pick<RpcClient, 'cast'>, pins: Pick<VersionPins, 'rpc'>): BackupService {
  const cast = async (host: string | null | undefined, request: Omit<OwnRequest, 'version'>): Promise<void> => {
    if (!host) throw new Error(`no backup service is named for ${request.method}`);
    const sent = await client.cast(backupTarget(host), { ...request, version: '2.0' }, { within: patience });
    mustHaveLeft(sent, 'a request to cinder-backup');
  };
  return {
    async continueBackup(context, backup, device, secure_enabled) {
      const of =
        'volume' in device ? { volume: device.volume } : { snapshot: { ...device.snapshot, volume: device.of } };
      const args = {
        backup: backupCodec.encode(backup),
        backup_device: backupDeviceInfoCodec.encode({ ...of, secure_enabled }, [...Object.keys(of), 'secure_enabled']),
      };
      await cast(backup.host, { method: 'continue_backup', args, context });
    },

    async restoreBackup(context, backup, volume_id) {
      const isNew = knowsNewVolumes(await pins.rpc('cinder-backup')) ? { volume_is_new: true } : {};
      const args = { backup: backupCodec.encode(backup), volume_id, ...isNew };
      await cast(backup.host, { method: 'restore_backup', args, context });
    },
  };
}

/** Since 2.4, which is newer than Zed. */
function knowsNewVolumes(version: string | undefined): boolean {
  const [major = 0, minor = 0] = (version ?? '0').split('.').map(Number);
  return major === 2 && minor >= 4;
}
