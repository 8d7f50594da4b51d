import type { RpcEndpoint, RpcMethod } from '../interface/rpc.ts';
import { elevated } from '../objects/context.ts';
import { bool, string } from '../objects/versioned-object.ts';
import { acceptTransfer } from './accept-transfer.ts';
import { backupArgument, dictionary, optional, preset, volumeArgument } from './arguments.ts';
import { getBackupDevice } from './backup-device.ts';
import type { Claimable } from './claim.ts';
import { backupClaim, work } from './claim-requests.ts';
import { failOver, failoverCompleted, readyToFailOver } from './failover.ts';
import { freezeHost, thawHost } from './freeze.ts';
import type { VolumeManager } from './manager.ts';
import { method } from './method.ts';

/** What concerns the backend as a whole, or nothing but the driver (rpc.md §4.5). */
export function serviceEndpoint(manager: VolumeManager): RpcEndpoint {
  return {
    freeze_host: method('freeze_host', '3.0', 'repeatable', {}, nothing, () => ({
      run: (signal) => freezeHost(manager, signal),
    })),
    thaw_host: method('thaw_host', '3.0', 'repeatable', {}, nothing, () => ({
      run: (signal) => thawHost(manager, signal),
    })),
    failover: failoverMethod(manager, 'failover', '3.8'),
    failover_host: failoverMethod(manager, 'failover_host', '3.0'),
    failover_completed: method(
      'failover_completed',
      '3.8',
      'signal',
      { updates: dictionary },
      nothing,
      (_, { updates }) => ({ run: (signal) => failoverCompleted(manager, updates, signal) }),
    ),
    secure_file_operations_enabled: method(
      'secure_file_operations_enabled',
      '3.0',
      'repeatable',
      { volume: optional(volumeArgument) },
      ({ volume }) => volume?.id ?? '',
      () => ({ run: async () => manager.driver.secureFileOperationsEnabled?.() ?? false }),
    ),
    get_backup_device: method(
      'get_backup_device',
      '3.0',
      'work',
      { backup: backupArgument, want_objects: preset(bool, false), async_call: preset(bool, false) },
      ({ backup }) => backup.snapshot_id ?? backup.volume_id,
      (context, args) =>
        work<Claimable>(manager, backupClaim(args.backup), (claimed) =>
          getBackupDevice(manager, elevated(context), claimed, args),
        ),
    ),
    accept_transfer: method(
      'accept_transfer',
      '3.0',
      'repeatable',
      { volume_id: string, new_user: string, new_project: string, no_snapshots: preset(bool, false) },
      ({ volume_id }) => volume_id,
      (_, args) => ({ run: (signal) => acceptTransfer(manager, args, signal) }),
    ),
  };
}

function failoverMethod(manager: VolumeManager, name: string, since: string): RpcMethod {
  const table = { secondary_backend_id: optional(string) };
  return method(name, since, 'state', table, nothing, async (_, { secondary_backend_id }) => {
    const service = await readyToFailOver(manager);
    return service && { run: (signal) => failOver(manager, service, secondary_backend_id, signal) };
  });
}

function nothing(): string {
  return '';
}
