import type { RpcEndpoint } from '../interface/rpc.ts';
import { bool, nullable, string } from '../objects/versioned-object.ts';
import { dictionary, optional, preset, volumeArgument } from './arguments.ts';
import { attachVolume, detachVolume } from './legacy-attach.ts';
import type { VolumeManager } from './manager.ts';
import { method } from './method.ts';
import {
  initializeConnectionSnapshot,
  removeExportSnapshot,
  terminateConnectionSnapshot,
} from './snapshot-connections.ts';

/** Attachments in the old way, and snapshots that hosts read (rpc.md §4.2, §4.3). */
export function attachEndpoint(manager: VolumeManager): RpcEndpoint {
  return {
    attach_volume: method(
      'attach_volume',
      '3.0',
      'repeatable',
      {
        volume_id: string,
        instance_uuid: nullable(string),
        host_name: nullable(string),
        mountpoint: string,
        mode: string,
        volume: optional(volumeArgument),
      },
      ({ volume_id }) => volume_id,
      (context, args) => ({ run: (signal) => attachVolume({ manager, context, signal }, args) }),
    ),
    detach_volume: method(
      'detach_volume',
      '3.0',
      'repeatable',
      {
        volume_id: string,
        attachment_id: optional(string),
        volume: optional(volumeArgument),
      },
      ({ volume_id }) => volume_id,
      (context, { volume_id, attachment_id }, { redelivered }) => ({
        run: (signal) => detachVolume({ manager, context, signal }, { volume_id, attachment_id, redelivered }),
      }),
    ),
    initialize_connection_snapshot: method(
      'initialize_connection_snapshot',
      '3.13',
      'repeatable',
      { snapshot_id: string, connector: dictionary },
      aboutSnapshot,
      (_, { snapshot_id, connector }) => ({
        run: (signal) => initializeConnectionSnapshot({ manager, signal }, snapshot_id, connector),
      }),
    ),
    terminate_connection_snapshot: method(
      'terminate_connection_snapshot',
      '3.13',
      'repeatable',
      { snapshot_id: string, connector: nullable(dictionary), force: preset(bool, false) },
      aboutSnapshot,
      (_, { snapshot_id, connector }) => ({
        run: (signal) => terminateConnectionSnapshot({ manager, signal }, snapshot_id, connector ?? undefined),
      }),
    ),
    remove_export_snapshot: method(
      'remove_export_snapshot',
      '3.13',
      'repeatable',
      { snapshot_id: string },
      aboutSnapshot,
      (_, { snapshot_id }) => ({ run: (signal) => removeExportSnapshot({ manager, signal }, snapshot_id) }),
    ),
  };
}

function aboutSnapshot({ snapshot_id }: { snapshot_id: string }): string {
  return snapshot_id;
}
