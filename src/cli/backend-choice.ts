import type { BackendStatus } from '../interface/daemon-status.ts';
import type { PoolStats } from '../interface/volume-driver.ts';
import { type ServiceHost, serviceHost } from '../objects/host.ts';
import { CommandError } from './command.ts';
import type { Session } from './session.ts';

/** Where a new volume goes. */
export interface PlacedBackend {
  readonly host: ServiceHost;
  readonly pool: string;
  readonly zone: string | null;
}

/**
 * The backend that was named (`section` or `host@section`), else the pool with the most free space, then the first name
 * (ecosystem.md §3.3). One that does not exist, is down, or cannot hold `size` GiB is an error that says so.
 */
export async function chooseBackend(session: Session, named: string | undefined, size: number): Promise<PlacedBackend> {
  const backends = await knownBackends(session, named);
  if (named !== undefined) {
    const wanted = backends?.find(({ name, host }) => name === named || host === named);
    if (backends === undefined) return byRow(session, named);
    if (wanted === undefined) {
      const names = backends.map(({ name }) => name).join(', ') || 'none';
      throw new CommandError(`no backend '${named}'; there is: ${names}`);
    }
    if (wanted.state !== 'up') {
      throw new CommandError(`backend '${named}' is ${wanted.state}${wanted.reason === null ? '' : `: ${wanted.reason}`}`);
    }
    return placed(session, wanted, largestPool(wanted), size);
  }
  const candidates = (backends ?? [])
    .filter(({ state }) => state === 'up')
    .map((backend) => ({ backend, pool: largestPool(backend) }))
    .sort((a, b) => freeOf(b.pool) - freeOf(a.pool) || (a.backend.name < b.backend.name ? -1 : 1));
  const [best] = candidates;
  if (best === undefined) throw new CommandError("no backend is up; see 'volume-daemon backend status'");
  return placed(session, best.backend, best.pool, size);
}

/** What the daemon says; undefined where none answers, which only a request that names its backend survives. */
async function knownBackends(session: Session, named: string | undefined): Promise<readonly BackendStatus[] | undefined> {
  try {
    return (await session.status()).backends;
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'NoDaemon') throw error;
    if (named === undefined) throw new CommandError(`${error.message}; name a backend with --backend`, 2, { cause: error });
    return undefined;
  }
}

/** Without a daemon to ask, its row says whether there was ever such a service; the message then waits for it. */
async function byRow(session: Session, named: string): Promise<PlacedBackend> {
  const host = named.includes('@') ? (named as ServiceHost) : serviceHost(session.node, named);
  const service = await session.db.services.find(host, 'cinder-volume');
  if (service === undefined) throw new CommandError(`no backend '${named}': no service ${host} has ever run`);
  const pool = session.poolNameOf(named.slice(named.lastIndexOf('@') + 1));
  return { host, pool, zone: service.availability_zone };
}

async function placed(
  session: Session,
  backend: BackendStatus,
  pool: PoolStats | undefined,
  size: number,
): Promise<PlacedBackend> {
  const host = backend.host as ServiceHost;
  const total = pool?.total_capacity_gb;
  if (typeof total === 'number' && size > total * ratioOf(pool)) {
    throw new CommandError(`backend '${backend.name}' cannot hold ${size} GiB: its capacity is ${Math.floor(total)} GiB`);
  }
  const service = await session.db.services.find(host, 'cinder-volume');
  return { host, pool: pool?.pool_name ?? backend.name, zone: service?.availability_zone ?? null };
}

function largestPool({ stats }: BackendStatus): PoolStats | undefined {
  return [...(stats?.pools ?? [])].sort((a, b) => freeOf(b) - freeOf(a))[0];
}

function freeOf(pool: PoolStats | undefined): number {
  const free = pool?.free_capacity_gb;
  if (free === 'infinite') return Number.POSITIVE_INFINITY;
  return typeof free === 'number' ? free : 0;
}

/** How far a thin pool may be promised beyond its capacity. */
function ratioOf(pool: PoolStats | undefined): number {
  const ratio = Number(pool?.max_over_subscription_ratio ?? 1);
  return pool?.thin_provisioning_support === true && Number.isFinite(ratio) ? Math.max(1, ratio) : 1;
}
