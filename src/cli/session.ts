import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { askDaemon } from '../admin/client.ts';
import { silent } from '../base/log.ts';
import { openDatabase } from '../db/database.ts';
import { databaseGroup, tableGroup } from '../db/options.ts';
import type { DaemonStatus } from '../interface/daemon-status.ts';
import type { Database } from '../interface/database.ts';
import { int } from '../interface/options.ts';
import { loggingOptions } from '../log/options.ts';
import { logFileOf } from '../log/routing-from-options.ts';
import { volumeTarget } from '../messaging/addressing.ts';
import { readBrokerFile } from '../messaging/broker-file.ts';
import { type Bus, openBus } from '../messaging/bus.ts';
import { rabbitOptions, rpcOptions } from '../messaging/options.ts';
import { transportUrlOf } from '../messaging/transport-url.ts';
import { contextFor } from '../objects/context.ts';
import { serviceOf } from '../objects/host.ts';
import { type CommandContext, CommandError } from './command.ts';
import { type ClientConfiguration, readConfiguration } from './configuration.ts';

/** What became of a message. */
type CastOutcome = 'accepted' | 'unroutable' | 'no outcome' | 'interrupted';

/** What a client command works with: the database, the messages, the running daemon. */
export interface Session extends AsyncDisposable {
  readonly db: Database;
  readonly node: string;
  readonly address: string;
  /** Seconds after which a service without a heartbeat counts as down. */
  readonly downTime: number;
  /** Who owns what commands make. */
  readonly owner: { readonly user_id: string; readonly project_id: string };
  /** Where the reason of a failure stands: the daemon's log, and the request id in it. */
  readonly whereToLook: string;
  /** The name of a backend's pool, as far as the configuration tells. */
  poolNameOf(backend: string): string;
  /** Asks the daemon; throws NoDaemon. */
  status(): Promise<DaemonStatus>;
  /** Sends a request to the service of a host and waits for what becomes of it, or for ^C. */
  cast(host: string, method: string, args: Readonly<Record<string, unknown>>): Promise<CastOutcome>;
  /** Sends a call and resolves to its answer; `terms` where ^C, or the usual patience, shall not count. */
  call(
    host: string,
    request: { readonly method: string; readonly args: Readonly<Record<string, unknown>>; readonly version: string },
    terms?: { readonly timeout: number; readonly signal: AbortSignal },
  ): Promise<unknown>;
}

interface Needs {
  /** Undefined for a command that only reads; else what to use where the daemon belongs to a cloud. */
  readonly writes: string | undefined;
  readonly bypass?: boolean;
}

const service_down_time = int(60, 'Seconds since the last heartbeat after which a service counts as down.', {
  mutable: true,
});

/** Nobody who answered before has a name in the tables: commands are their own project. */
const nobody = 'volume-daemon';

/** Milliseconds for a service that has just been respawned to declare its queue again. */
const routePatience = 3_000;

/** Milliseconds after which a broker that never answered is not waited for when no daemon answers either. */
const connectPatience = 5_000;

/** Seconds for an SQLite file that a hundred other commands write, too: a service's heartbeat could not wait so long. */
const databasePatience = 60;

/** Opens what a command needs. Writing is for the self-contained set-up alone, since a cloud's API would not know of it. */
export async function openSession(context: CommandContext, { writes, bypass = false }: Needs): Promise<Session> {
  const client = await readConfiguration(context);
  const { configuration, adminSocket, node, address } = client;
  const rpc = configuration.values({ group: 'DEFAULT', options: rpcOptions });
  const embedded = transportUrlOf(rpc).kind === 'embedded';
  if (writes !== undefined && !embedded && !bypass) {
    throw new CommandError(`this daemon belongs to a cloud; use '${writes}' (or --bypass-api)`, 2);
  }
  const values = { ...configuration.values(databaseGroup), ...configuration.values(tableGroup), max_retries: 0 };
  const { signal } = context;
  const lockPatience = { seconds: databasePatience, signal };
  const db = await openDatabase(values.connection, values, { logger: silent, signal, lockPatience });
  const wire = new Wire(client, context.signal, embedded);
  const owner = { user_id: nobody, project_id: nobody };
  const request = { context: contextFor(owner) };
  return {
    db,
    node,
    address,
    owner,
    whereToLook: `${logOf(configuration)} for the reason (${request.context.request_id})`,
    downTime: configuration.values({ group: 'DEFAULT', options: { service_down_time } }).service_down_time,
    poolNameOf: (backend) => configuration.backend(backend)?.text('volume_backend_name') ?? backend,
    status: async () =>
      (await askDaemon(adminSocket, 'GET', '/status', { signal: context.signal })).body as DaemonStatus,
    cast: (host, method, args) =>
      wire.cast(volumeTarget(serviceOf(host)), { ...request, method, args, version: '3.0' }, rpc.rpc_response_timeout),
    async call(host, asked, { timeout, signal } = { timeout: rpc.rpc_response_timeout, signal: context.signal }) {
      const bus = await wire.openForCall();
      const terms = { timeout, mandatory: true };
      return bus.client.call(volumeTarget(serviceOf(host)), { ...request, ...asked }, terms, signal);
    },
    async [Symbol.asyncDispose]() {
      await wire.close();
      await db[Symbol.asyncDispose]();
    },
  };
}

/** The file that the daemon logs to, as far as the configuration tells. */
function logOf(configuration: ClientConfiguration['configuration']): string {
  const values = configuration.values({ group: 'DEFAULT', options: loggingOptions });
  return logFileOf(values, 'cinder-volume') ?? 'the log';
}

type Request = Parameters<Bus['client']['cast']>[1];
type Target = Parameters<Bus['client']['cast']>[0];

/** The way to the services: it follows an embedded broker that comes back at another address. */
class Wire {
  readonly #client: ClientConfiguration;
  readonly #signal: AbortSignal;
  readonly #embedded: boolean;
  #bus: { readonly bus: Bus; readonly at: string } | undefined;

  constructor(client: ClientConfiguration, signal: AbortSignal, embedded: boolean) {
    this.#client = client;
    this.#signal = signal;
    this.#embedded = embedded;
  }

  /**
   * Sends until the outcome is known or `seconds` are over. A queue that is not there may be about to be declared again, and
   * a broker that is not there may come back: a copy of a request that was taken does no harm (rpc.md ).
   */
  async cast(target: Target, request: Request, seconds: number): Promise<CastOutcome> {
    const begun = performance.now();
    const left = (): number => seconds * 1000 - (performance.now() - begun);
    let unroutableSince: number | undefined;
    while (left() > 0 && !this.#signal.aborted) {
      const bus = await this.open().catch(() => undefined);
      const within = Math.min(left(), connectPatience) / 1000;
      const published = await this.#unlessInterrupted(bus?.client.cast(target, request, { within }));
      if (published?.outcome === 'accepted' || published?.outcome === 'modified') return 'accepted';
      if (this.#signal.aborted) break;
      if (published?.outcome === 'released') {
        unroutableSince ??= performance.now();
        if (performance.now() - unroutableSince > routePatience) return 'unroutable';
      } else if (!(await this.#daemonAnswers())) {
        break;
      }
      await this.#unlessInterrupted(sleep(100));
    }
    return this.#signal.aborted ? 'interrupted' : 'no outcome';
  }

  /** A bus to the broker at its present address. */
  async open(): Promise<Bus> {
    const { configuration, statePath } = this.#client;
    const embedded = this.#embedded ? await readBrokerFile(statePath) : undefined;
    if (this.#embedded && embedded === undefined)
      throw new CommandError(`no broker.json in ${statePath}: the daemon has never run`, 2);
    const at = JSON.stringify(embedded ?? null);
    if (this.#bus?.at === at) return this.#bus.bus;
    await this.close();
    const bus = openBus({
      rpc: configuration.values({ group: 'DEFAULT', options: rpcOptions }),
      rabbit: configuration.values({ group: 'oslo_messaging_rabbit', options: rabbitOptions }),
      embedded,
      program: 'volume-daemon-client',
      instance: 'client',
      logs: () => silent,
    });
    this.#bus = { bus, at };
    return bus;
  }

  /** The same for a call, which nobody answers while no daemon runs. */
  async openForCall(): Promise<Bus> {
    if (this.#embedded && !(await this.#daemonAnswers())) {
      throw new CommandError(`no daemon answers at ${this.#client.adminSocket}`, 2);
    }
    return this.open();
  }

  async close(): Promise<void> {
    await this.#bus?.bus.close();
    this.#bus = undefined;
  }

  /** Undefined when ^C comes first. */
  async #unlessInterrupted<T>(promise: Promise<T> | undefined): Promise<T | undefined> {
    if (this.#signal.aborted) return undefined;
    const settled = new AbortController();
    const interrupted = once(this.#signal, 'abort', { signal: settled.signal }).then(
      () => undefined,
      () => undefined,
    );
    try {
      return await Promise.race([promise, interrupted]);
    } finally {
      settled.abort();
    }
  }

  async #daemonAnswers(): Promise<boolean> {
    try {
      await askDaemon(this.#client.adminSocket, 'GET', '/livez', { timeout: 2_000, signal: this.#signal });
      return true;
    } catch {
      return false;
    }
  }
}
