import type { Kysely } from 'kysely';
import type { Service } from '../objects/service.ts';
import { born, encode } from './rows.ts';
import type { Schema } from './schema.ts';

type Membership = Pick<Service, 'cluster_name' | 'replication_status' | 'active_backend_id' | 'frozen'>;

/**
 * Makes sure that the cluster exists and gives the columns of a service that joins it (database.md §2.2): those of the
 * cluster, or the service's own where it is the first member or stands in an error.
 */
export async function joinCluster(db: Kysely<Schema>, cluster_name: string, service: Service): Promise<Membership> {
  const { binary, disabled, replication_status, active_backend_id, frozen } = service;
  const own = { cluster_name, replication_status, active_backend_id, frozen };
  const cluster = await db
    .selectFrom('clusters')
    .select(['replication_status', 'active_backend_id', 'frozen'])
    .where('deleted', '=', false)
    .where('name', '=', cluster_name)
    .where('binary', '=', binary)
    .executeTakeFirst();
  if (cluster !== undefined) {
    const failed = replication_status === 'error' || replication_status === 'failover-error';
    return failed ? own : { cluster_name, ...cluster };
  }
  const { cluster_name: name, ...columns } = own;
  const values = encode('clusters', { name, binary, disabled, race_preventer: 0, ...columns, ...born() });
  await db.insertInto('clusters').values(values).execute();
  return own;
}
