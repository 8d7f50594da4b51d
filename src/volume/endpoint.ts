import type { LogLevels } from '../base/log.ts';
import type { RpcEndpoint, RpcMethod } from '../interface/rpc.ts';
import { cleanupRequestCodec } from '../objects/cleanup-request.ts';
import { adminContext, elevated } from '../objects/context.ts';
import { logLevelCodec } from '../objects/log-level.ts';
import type { SnapshotInMessage } from '../objects/snapshot.ts';
import { bool, nullable, string } from '../objects/versioned-object.ts';
import type { VolumeInMessage } from '../objects/volume.ts';
import { createArguments, dictionary, preset, snapshotArgument, volumeArgument } from './arguments.ts';
import { publishCapabilities } from './capabilities.ts';
import { createClaim, deleteClaim, snapshotClaim, volumeClaim, work } from './claim-requests.ts';
import { adoptRows, cleanUp } from './cleanup.ts';
import {
  attachmentDelete,
  attachmentUpdate,
  initializeConnection,
  removeExport,
  terminateConnection,
} from './connections.ts';
import { createSnapshot } from './create-snapshot.ts';
import { createVolume } from './create-volume.ts';
import { deleteSnapshot } from './delete-snapshot.ts';
import { deleteVolume } from './delete-volume.ts';
import { attachEndpoint } from './endpoint-attach.ts';
import { extendEndpoint } from './endpoint-extend.ts';
import { groupsEndpoint } from './endpoint-groups.ts';
import { imageEndpoint } from './endpoint-images.ts';
import { manageEndpoint } from './endpoint-manage.ts';
import { migrationEndpoint } from './endpoint-migration.ts';
import { serviceEndpoint } from './endpoint-service.ts';
import { getLogLevels, setLogLevels } from './log-levels.ts';
import type { VolumeManager } from './manager.ts';
import { method } from './method.ts';
import { revertToSnapshot } from './revert-to-snapshot.ts';

/** The RPC surface of the volume service (rpc.md §4): what has no row here does not exist on the wire. */
export function volumeEndpoint(manager: VolumeManager, levels: LogLevels): RpcEndpoint {
  return {
    create_volume: method('create_volume', '3.0', 'work', createArguments, aboutVolume, (context, args) =>
      work(manager, createClaim(args.volume, args.request_spec), (claimed, progress) => {
        const { request_spec, filter_properties, allow_reschedule } = args;
        return createVolume(manager, context, claimed, { request_spec, filter_properties, allow_reschedule }, progress);
      }),
    ),
    delete_volume: method(
      'delete_volume',
      '3.0',
      'work',
      { volume: volumeArgument, unmanage_only: preset(bool, false), cascade: preset(bool, false) },
      aboutVolume,
      (context, args) =>
        work(manager, deleteClaim(args.volume), (claimed) => deleteVolume(manager, elevated(context), claimed, args)),
    ),
    revert_to_snapshot: method(
      'revert_to_snapshot',
      '3.15',
      'work',
      { volume: volumeArgument, snapshot: snapshotArgument },
      aboutVolume,
      (context, { volume, snapshot }) =>
        work(manager, volumeClaim('revert_to_snapshot', volume, ['reverting']), (claimed, progress) =>
          revertToSnapshot(manager, elevated(context), claimed, snapshot.id, progress),
        ),
    ),
    create_snapshot: method(
      'create_snapshot',
      '3.0',
      'work',
      { snapshot: snapshotArgument },
      aboutSnapshot,
      (context, args) =>
        work(manager, snapshotClaim('create_snapshot', args.snapshot, ['creating']), (claimed, progress) =>
          createSnapshot(manager, elevated(context), claimed, progress),
        ),
    ),
    delete_snapshot: method(
      'delete_snapshot',
      '3.0',
      'work',
      { snapshot: snapshotArgument, unmanage_only: preset(bool, false) },
      aboutSnapshot,
      (context, args) =>
        work(manager, snapshotClaim('delete_snapshot', args.snapshot, ['deleting', 'unmanaging']), (claimed) =>
          deleteSnapshot(manager, elevated(context), claimed, args),
        ),
    ),
    attachment_update: method(
      'attachment_update',
      '3.9',
      'repeatable',
      { vref: volumeArgument, connector: dictionary, attachment_id: string },
      ({ vref }) => vref.id,
      (context, { vref, connector, attachment_id }) => ({
        run: (signal) => attachmentUpdate({ manager, context, signal }, vref.id, connector, attachment_id),
      }),
    ),
    attachment_delete: method(
      'attachment_delete',
      '3.9',
      'repeatable',
      { attachment_id: string, vref: volumeArgument },
      ({ vref }) => vref.id,
      (context, { attachment_id, vref }) => ({
        run: (signal) => attachmentDelete({ manager, context, signal }, attachment_id, vref.id),
      }),
    ),
    initialize_connection: method(
      'initialize_connection',
      '3.0',
      'repeatable',
      { volume: volumeArgument, connector: dictionary },
      aboutVolume,
      (context, { volume, connector }) => ({
        run: (signal) => initializeConnection({ manager, context, signal }, volume.id, connector),
      }),
    ),
    terminate_connection: method(
      'terminate_connection',
      '3.0',
      'repeatable',
      { volume_id: string, connector: nullable(dictionary), force: preset(bool, false) },
      ({ volume_id }) => volume_id,
      (context, { volume_id, connector }) => ({
        run: (signal) => terminateConnection({ manager, context, signal }, volume_id, connector ?? undefined),
      }),
    ),
    remove_export: method(
      'remove_export',
      '3.0',
      'repeatable',
      { volume_id: string },
      ({ volume_id }) => volume_id,
      (context, args) => ({
        run: (signal) => removeExport({ manager, context, signal }, args.volume_id),
      }),
    ),
    get_capabilities: method(
      'get_capabilities',
      '3.0',
      'repeatable',
      { discover: preset(bool, false) },
      nothing,
      (_, args) => ({
        run: async (signal) => {
          if (args.discover && manager.initialized)
            manager.capabilities.describe(await manager.driver.getVolumeStats(signal));
          return manager.capabilities.described;
        },
      }),
    ),
    publish_service_capabilities: method('publish_service_capabilities', '3.0', 'signal', {}, nothing, () => ({
      run: async (signal) => publishCapabilities(manager, adminContext(), signal),
    })),
    do_cleanup: method(
      'do_cleanup',
      '3.7',
      'state',
      { cleanup_request: { decode: cleanupRequestCodec.decode } },
      nothing,
      async (_, { cleanup_request }) => {
        const adopted = await adoptRows(manager, cleanup_request);
        return { run: async (signal) => void (await cleanUp(manager, { adopted }, signal)) };
      },
    ),
    set_log_levels: method(
      'set_log_levels',
      '3.12',
      'signal',
      { log_request: { decode: logLevelCodec.decode } },
      nothing,
      (_, args) => ({
        run: async () => setLogLevels(levels, args.log_request),
      }),
    ),
    get_log_levels: method(
      'get_log_levels',
      '3.12',
      'repeatable',
      { log_request: { decode: logLevelCodec.decode } },
      nothing,
      (_, args) => ({
        run: async () => getLogLevels(levels, args.log_request),
      }),
    ),
    ...extendEndpoint(manager),
    ...attachEndpoint(manager),
    ...groupsEndpoint(manager),
    ...manageEndpoint(manager),
    ...migrationEndpoint(manager),
    ...serviceEndpoint(manager),
    ...imageEndpoint(manager),
  } satisfies Record<string, RpcMethod>;
}

function aboutVolume({ volume }: { volume: VolumeInMessage }): string {
  return volume.id;
}

function aboutSnapshot({ snapshot }: { snapshot: SnapshotInMessage }): string {
  return snapshot.id;
}

function nothing(): string {
  return '';
}
