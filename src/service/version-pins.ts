import type { Logs } from '../base/log.ts';
import type { Database } from '../interface/database.ts';
import { objectVersion } from '../objects/service.ts';

/** The scheduler's RPC as we know it (rpc.md §3). */
const schedulerRpcVersion = '3.12';

/** Says which versions the schedulers' rows allow, as upstream at start and after SIGHUP (L-096, L-163). */
export async function tellVersionPins(db: Pick<Database, 'services'>, logs: Logs): Promise<void> {
  const binary = 'cinder-scheduler';
  const rows = (await db.services.list()).filter((service) => service.binary === binary);
  const objects = lowest(rows.map((row) => row.object_current_version)) ?? objectVersion;
  const rpc = lowest(rows.map((row) => row.rpc_current_version)) ?? schedulerRpcVersion;
  const log = logs('cinder.rpc');
  log.info('Automatically selected %s objects version %s as minimum service version.', binary, objects);
  log.info('Automatically selected %s RPC version %s as minimum service version.', binary, rpc);
}

function lowest(versions: readonly (string | null)[]): string | undefined {
  const known = versions.filter((version) => version !== null);
  return known.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))[0];
}
