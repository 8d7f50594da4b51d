import { WrongValue } from '../base/errors.ts';
import type { Tables } from '../interface/database.ts';
import type { RpcEndpoint } from '../interface/rpc.ts';
import { elevated } from '../objects/context.ts';
import { InvalidVolume } from '../objects/exceptions.ts';
import { bool, list, nullable, string } from '../objects/versioned-object.ts';
import type { VolumeInMessage } from '../objects/volume.ts';
import { dictionary, preset, volumeArgument } from './arguments.ts';
import { givingBack, volumeClaim, work } from './claim-requests.ts';
import { abandonMigration, completeMigration } from './complete-migration.ts';
import type { VolumeManager } from './manager.ts';
import { type Argument, method } from './method.ts';
import { migrateVolume } from './migrate-volume.ts';
import type { DestinationHost } from './migration-request.ts';
import { retypeVolume } from './retype.ts';
import { updateMigratedVolume } from './update-migrated.ts';

const hostArgument: Argument<DestinationHost> = {
  decode(value) {
    const { host, cluster_name = null, capabilities = {} } = dictionary.decode(value);
    if (typeof host !== 'string' || host === '') throw new WrongValue('expected a destination with a host');
    return { host, cluster_name: nullable(string).decode(cluster_name), capabilities: dictionary.decode(capabilities) };
  },
};

const reservationsArgument = preset<readonly string[]>(
  { decode: (value) => (value === null ? [] : list(string).decode(value)) },
  [],
);

/** Moving volumes, and giving them another type (rpc.md §4.1). */
export function migrationEndpoint(manager: VolumeManager): RpcEndpoint {
  return {
    migrate_volume: method(
      'migrate_volume',
      '3.0',
      'work',
      { volume: volumeArgument, host: hostArgument, force_host_copy: preset(bool, false) },
      aboutVolume,
      (context, { volume, host, force_host_copy }) => {
        const claim = volumeClaim('migrate_volume', volume, []);
        const expected = (row: { migration_status: string | null }) => row.migration_status === 'starting';
        return work(manager, { ...claim, expected }, (claimed) =>
          migrateVolume(manager, elevated(context), claimed, { host, forceCopy: force_host_copy }),
        );
      },
    ),
    migrate_volume_completion: method(
      'migrate_volume_completion',
      '3.0',
      'state',
      { volume: volumeArgument, new_volume: volumeArgument, error: preset(bool, false) },
      aboutVolume,
      async (context, { volume, new_volume, error }) => {
        const claim = {
          ...volumeClaim('migrate_volume_completion', volume, []),
          expected: (row: { migration_status: string | null }) =>
            ['starting', 'migrating'].includes(row.migration_status ?? ''),
          also: async (tx: Tables) => {
            const migration_status = error ? 'error' : 'completing';
            await tx.volumes.update(volume.id, { migration_status });
          },
        };
        const operation = await work(manager, claim, async ({ resource, signal, finish }) => {
          if (error) {
            const id = await abandonMigration(manager, elevated(context), resource, new_volume.id);
            const status = resource.previous_status ?? 'available';
            await finish((tx) => tx.volumes.update(resource.id, { status }));
            return id;
          }
          try {
            const id = await completeMigration(manager, elevated(context), resource.id, new_volume.id, signal);
            await finish(async () => {});
            return id;
          } catch (failure) {
            if (!signal.aborted) await finish((tx) => tx.volumes.update(resource.id, { migration_status: 'error' }));
            throw failure;
          }
        });
        return operation ?? { run: () => Promise.reject(new InvalidVolume({ reason: 'it is not being migrated' })) };
      },
    ),
    update_migrated_volume: method(
      'update_migrated_volume',
      '3.0',
      'repeatable',
      { volume: volumeArgument, new_volume: volumeArgument, volume_status: string },
      aboutVolume,
      (_, { volume, new_volume, volume_status }) => ({
        run: (signal) => updateMigratedVolume(manager, volume.id, new_volume.id, volume_status, signal),
      }),
    ),
    retype: method(
      'retype',
      '3.0',
      'work',
      {
        volume: volumeArgument,
        new_type_id: string,
        host: hostArgument,
        migration_policy: preset(string, 'never'),
        reservations: reservationsArgument,
        old_reservations: reservationsArgument,
      },
      aboutVolume,
      (context, args) => {
        const reserved = givingBack([...args.reservations, ...args.old_reservations]);
        return work(manager, { ...volumeClaim('retype', args.volume, ['retyping']), ...reserved }, (claimed) =>
          retypeVolume(manager, elevated(context), claimed, args),
        );
      },
    ),
  };
}

function aboutVolume({ volume }: { readonly volume: VolumeInMessage }): string {
  return volume.id;
}
