import type { Kysely } from 'kysely';
import type { UtcTime } from '../base/time.ts';
import type { ResourceType, WorkerRow } from '../interface/worker-table.ts';
import type { ServiceHost } from '../objects/host.ts';
import { ofService } from './host-filter.ts';
import type { Schema } from './schema.ts';

/** Stands for the time of a row without one. Nobody leaves such a row, and no claim takes it. */
const never = '1970-01-01T00:00:00.000000' as UtcTime;

/** Live rows with the service that holds them. The sentinel of old MySQL servers is no row of ours. */
export function joined(db: Kysely<Schema>) {
  return db
    .selectFrom('workers')
    .leftJoin('services', 'services.id', 'workers.service_id')
    .select([
      'workers.id',
      'workers.resource_type',
      'workers.resource_id',
      'workers.status',
      'workers.service_id',
      'workers.race_preventer',
      'workers.updated_at',
      'services.host as owner_host',
      'services.binary as owner_binary',
      'services.deleted as owner_deleted',
    ])
    .where('workers.resource_type', '!=', 'SENTINEL')
    .where('workers.deleted', '=', false);
}

type Joined = Awaited<ReturnType<ReturnType<typeof joined>['executeTakeFirstOrThrow']>>;

export function toWorkerRow(row: Joined): WorkerRow {
  const { id, resource_type, resource_id, status, service_id, race_preventer, owner_deleted } = row;
  const key = { type: resource_type as ResourceType, id: resource_id };
  const known = { id, key, status, service_id, race_preventer, updated_at: row.updated_at ?? never };
  if (service_id === null || owner_deleted === null) return known;
  const owner = { id: service_id, host: row.owner_host ?? '', binary: row.owner_binary ?? '', deleted: owner_deleted };
  return { ...known, owner };
}

/** Nobody at work holds a row without owner, one of another kind of service, and one whose service was removed. */
export async function handedOver(db: Kysely<Schema>, host: ServiceHost): Promise<readonly WorkerRow[]> {
  const rows = await joined(db)
    .leftJoin('volumes', (join) =>
      join.onRef('volumes.id', '=', 'workers.resource_id').on('workers.resource_type', '=', 'Volume'),
    )
    .leftJoin('snapshots', (join) =>
      join.onRef('snapshots.id', '=', 'workers.resource_id').on('workers.resource_type', '=', 'Snapshot'),
    )
    .leftJoin('volumes as parents', 'parents.id', 'snapshots.volume_id')
    .leftJoin('groups', (join) =>
      join.onRef('groups.id', '=', 'workers.resource_id').on('workers.resource_type', '=', 'Group'),
    )
    .leftJoin('group_snapshots', (join) =>
      join.onRef('group_snapshots.id', '=', 'workers.resource_id').on('workers.resource_type', '=', 'GroupSnapshot'),
    )
    .leftJoin('groups as sources', 'sources.id', 'group_snapshots.group_id')
    .where(({ eb, or }) =>
      or([
        eb('services.id', 'is', null),
        eb('services.binary', '!=', 'cinder-volume'),
        eb('services.deleted', '=', true),
      ]),
    )
    .where(({ fn, ref }) =>
      ofService(
        db,
        fn.coalesce(ref('volumes.host'), ref('parents.host'), ref('groups.host'), ref('sources.host')),
        host,
      ),
    )
    .orderBy('workers.id')
    .execute();
  return rows.map(toWorkerRow);
}
