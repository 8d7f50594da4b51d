import type { BackendStatus } from '../interface/daemon-status.ts';
import type { PoolStats } from '../interface/volume-driver.ts';
import { type ServiceHost, serviceHost } from '../objects/host.ts';
import type { Service } from '../objects/service.ts';
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
 * (ecosystem.md §3.3). One that does not exist, is down, disabled, or cannot hold `size` GiB is an error that says so.
 */
export async function chooseBackend(session: Session, named: string | undefined, size: number): Promise<PlacedBackend> {
  const candidates = await knownBackends(session, named);
  if (candidates === undefined) return byRow(session, named ?? '');
  if (named !== undefined) {
    const wanted = candidates.find(({ backend }) => backend.name === named || backend.host === named);
    if (wanted === undefined) {
      const names = candidates.map(({ backend }) => backend.name).join(', ') || 'none';
      throw new CommandError(`no backend '${named}'; there is: ${names}`);
    }
    const fault = faultOf(wanted);
    if (fault !== undefined) throw new CommandError(`backend '${named}' is ${fault}`);
    return placed(wanted, size);
  }
  const usable = candidates.filter((candidate) => faultOf(candidate) === undefined);
  const [best] = usable.sort((a, b) => roomOf(b.pool) - roomOf(a.pool) || (a.backend.name < b.backend.name ? -1 : 1));
  if (best !== undefined) return placed(best, size);
  const faults = candidates.map((candidate) => `${candidate.backend.name} is ${faultOf(candidate)}`);
  throw new CommandError(`no backend takes new volumes: ${faults.join('; ') || 'none is enabled'}`);
}

/** A backend as the daemon and its row have it, with its pool that has the most room. */
interface Candidate {
  readonly backend: BackendStatus;
  readonly service: Service | undefined;
  readonly pool: PoolStats | undefined;
}

/** What the daemon says; undefined where none answers, which only a request that names its backend survives. */
async function knownBackends(session: Session, named: string | undefined): Promise<Candidate[] | undefined> {
  let backends: readonly BackendStatus[];
  try {
    ({ backends } = await session.status());
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'NoDaemon') throw error;
    if (named === undefined)
      throw new CommandError(`${error.message}; name a backend with --backend`, 2, { cause: error });
    return undefined;
  }
  return Promise.all(
    backends.map(async (backend) => {
      const service = await session.db.services.find(backend.host, 'cinder-volume');
      const [pool] = [...(backend.stats?.pools ?? [])].sort((a, b) => roomOf(b) - roomOf(a));
      return { backend, service, pool };
    }),
  );
}

/** Without a daemon to ask, its row says whether there was ever such a service; the message then waits for it. */
async function byRow(session: Session, named: string): Promise<PlacedBackend> {
  const host = named.includes('@') ? (named as ServiceHost) : serviceHost(session.node, named);
  const service = await session.db.services.find(host, 'cinder-volume');
  if (service === undefined) throw new CommandError(`no backend '${named}': no service ${host} has ever run`);
  if (service.disabled) throw new CommandError(`backend '${named}' is ${disabledText(service)}`);
  const pool = session.poolNameOf(named.slice(named.lastIndexOf('@') + 1));
  return { host, pool, zone: service.availability_zone };
}

function placed({ backend, service, pool }: Candidate, size: number): PlacedBackend {
  const host = backend.host as ServiceHost;
  const total = pool?.total_capacity_gb;
  if (typeof total === 'number' && size > total * ratioOf(pool)) {
    throw new CommandError(
      `backend '${backend.name}' cannot hold ${size} GiB: its capacity is ${Math.floor(total)} GiB`,
    );
  }
  return { host, pool: pool?.pool_name ?? backend.name, zone: service?.availability_zone ?? null };
}

/** Why nothing new may go there; undefined where it may. */
function faultOf({ backend: { state, reason, responding }, service }: Candidate): string | undefined {
  if (service?.disabled === true) return disabledText(service);
  if (!responding) return 'not responding';
  if (state !== 'up') return reason === null ? state : `${state}: ${reason}`;
  return undefined;
}

function disabledText({ host, disabled_reason }: Service): string {
  const why = disabled_reason ? ` (${disabled_reason})` : '';
  return `disabled${why}; 'volume-daemon service enable ${host}' changes that`;
}

function roomOf(pool: PoolStats | undefined): number {
  const free = pool?.free_capacity_gb;
  if (free === 'infinite') return Number.POSITIVE_INFINITY;
  return typeof free === 'number' ? free : 0;
}

/** How far a thin pool may be promised beyond its capacity. */
function ratioOf(pool: PoolStats | undefined): number {
  const ratio = Number(pool?.max_over_subscription_ratio ?? 1);
  return pool?.thin_provisioning_support === true && Number.isFinite(ratio) ? Math.max(1, ratio) : 1;
}
