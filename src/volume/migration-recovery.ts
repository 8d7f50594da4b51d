import type { Volume } from '../objects/volume.ts';
import { cleanDestination } from './generic-migration.ts';
import { tellUser, userMessages } from './messages.ts';
import { statusAfter } from './migrate-volume.ts';
import type { Recovery } from './recovery.ts';

/** True while a migration of the volume is asked for or under way. */
export function isMigrating({ migration_status }: Pick<Volume, 'migration_status'>): boolean {
  return ['starting', 'migrating', 'completing'].includes(migration_status ?? '');
}

/** Ends a migration that was cut off (manager.md §2.3): the volume stays where it is, and the destination goes (§9.4). */
export function failMigration(target: Volume | undefined): Recovery<Volume> {
  return {
    what: 'migration status error',
    async run(manager, context, { resource: volume, finish }) {
      if (target !== undefined) await cleanDestination(manager, context, volume.id, target.id);
      await finish((tx) => tx.volumes.update(volume.id, { migration_status: 'error', ...statusAfter(volume) }));
    },
  };
}

/** Ends a migration or a retype whose message never came (§2.6): reservations expire by themselves. */
export const forgetMove: Recovery<Volume> = {
  what: 'status of before',
  async run(manager, context, { resource: volume, finish }) {
    await finish(async (tx) => {
      const failed = isMigrating(volume) ? { migration_status: 'error' } : {};
      await tx.volumes.update(volume.id, { ...failed, ...statusAfter(volume) }, [volume.status]);
      await tellUser(tx, manager.log, context, userMessages.scheduleFailed, 'VOLUME', volume);
    });
  },
};
