import type { RpcEndpoint } from '../interface/rpc.ts';
import { elevated } from '../objects/context.ts';
import { bool, int, list, nullable, string } from '../objects/versioned-object.ts';
import { dictionary, preset, snapshotArgument, volumeArgument } from './arguments.ts';
import { snapshotClaim, volumeClaim, work } from './claim-requests.ts';
import { manageExisting } from './manage-existing.ts';
import { manageExistingSnapshot } from './manage-existing-snapshot.ts';
import { getManageableSnapshots, getManageableVolumes } from './manageable.ts';
import type { VolumeManager } from './manager.ts';
import { method } from './method.ts';

const listArguments = {
  marker: nullable(string),
  limit: nullable(int),
  offset: nullable(int),
  sort_keys: list(string),
  sort_dirs: list(string),
  want_objects: preset(bool, false),
};

/** Taking in what stands on the backend already (rpc.md §4.1, §4.2). */
export function manageEndpoint(manager: VolumeManager): RpcEndpoint {
  return {
    manage_existing: method(
      'manage_existing',
      '3.0',
      'work',
      { volume: volumeArgument, ref: dictionary },
      ({ volume }) => volume.id,
      (context, { volume, ref }) =>
        work(manager, volumeClaim('manage_existing', volume, ['managing']), (claimed) =>
          manageExisting(manager, elevated(context), claimed, ref),
        ),
    ),
    manage_existing_snapshot: method(
      'manage_existing_snapshot',
      '3.0',
      'work',
      { snapshot: snapshotArgument, ref: dictionary },
      ({ snapshot }) => snapshot.id,
      (context, { snapshot, ref }) => {
        const claim = snapshotClaim('manage_existing_snapshot', snapshot, ['creating']);
        // A new snapshot arrives in the same status: the row says which of the two it is (rpc.md R-03).
        return work(manager, { ...claim, recorded: () => 'managing' }, (claimed) =>
          manageExistingSnapshot(manager, elevated(context), claimed, ref),
        );
      },
    ),
    get_manageable_volumes: method(
      'get_manageable_volumes',
      '3.0',
      'repeatable',
      listArguments,
      () => '',
      (context, request) => ({ run: (signal) => getManageableVolumes(manager, context, request, signal) }),
    ),
    get_manageable_snapshots: method(
      'get_manageable_snapshots',
      '3.0',
      'repeatable',
      listArguments,
      () => '',
      (context, request) => ({ run: (signal) => getManageableSnapshots(manager, context, request, signal) }),
    ),
  };
}
