import { setTimeout as sleep } from 'node:timers/promises';
import { abortable } from '../base/abortable.ts';
import { messageOf } from '../base/errors.ts';
import { type Logger, withLogContext } from '../base/log.ts';
import { KeyedMutex } from '../base/mutex.ts';
import { Scope } from '../base/scope.ts';
import { secondsBetween, utcNow } from '../base/time.ts';
import { version } from '../base/version.ts';
import type { Configuration } from '../config/load.ts';
import { openCoordinator } from '../coordination/coordinator.ts';
import { lockFolder } from '../coordination/options.ts';
import { volumeCopier } from '../image/volume-copier.ts';
import type { Coordinator } from '../interface/coordinator.ts';
import { daemonGroup, serviceGroup } from '../interface/daemon-options.ts';
import type { Database } from '../interface/database.ts';
import type { RunningOperation } from '../interface/rpc.ts';
import type { NewService } from '../interface/service-table.ts';
import type { VolumeDriver } from '../interface/volume-driver.ts';
import type { WorkerReport } from '../interface/worker-report.ts';
import { mask } from '../log/mask.ts';
import { volumeServers } from '../messaging/addressing.ts';
import { backupClient } from '../messaging/backup-client.ts';
import { type Bus, openBus } from '../messaging/bus.ts';
import type { BrokerAddress } from '../messaging/connection-plan.ts';
import { notifier } from '../messaging/notifier.ts';
import { schedulerClient } from '../messaging/scheduler-client.ts';
import { RpcServer } from '../messaging/server.ts';
import { volumeClient } from '../messaging/volume-client.ts';
import { adminContext } from '../objects/context.ts';
import type { ServiceHost } from '../objects/host.ts';
import { objectVersion, type Service } from '../objects/service.ts';
import { publishCapabilities } from '../volume/capabilities.ts';
import { CapabilityReport } from '../volume/capability-report.ts';
import { Claims } from '../volume/claim.ts';
import { volumeEndpoint } from '../volume/endpoint.ts';
import { afterInit, initHost, warnOfStrandedVolumes } from '../volume/init-host.ts';
import type { VolumeManager } from '../volume/manager.ts';
import { openDatabaseAtLast } from './adapters.ts';
import { BackendLock } from './backend-lock.ts';
import { coalesced } from './coalesced.ts';
import { connectorOf } from './connector.ts';
import { effectiveDownTime } from './down-time.ts';
import { type DriverSources, openDriver } from './driver.ts';
import { driverRecords } from './driver-records.ts';
import { isReportedElsewhere } from './duplicate.ts';
import { Heartbeat } from './heartbeat.ts';
import { Instruments, waitingText } from './instruments.ts';
import { NotStarted } from './not-started.ts';
import { type OtherServices, otherServices } from './other-services.ts';
import { every } from './periodic.ts';
import { RecoveryLoop } from './recovery-loop.ts';
import { registerAtLast, registrationOf } from './registration.ts';
import { coordinationGroup, notificationGroup, rabbitGroup, rpcGroup, volumeSettings } from './settings.ts';
import { ServiceState } from './state.ts';
import { PinnedVersions, tellVersionPins } from './version-pins.ts';

export interface VolumeServiceOptions extends DriverSources {
  /** Every service of this node. */
  readonly services: readonly ServiceHost[];
  /** Resolves when the embedded broker listens; undefined where the configuration names a broker. */
  readonly broker: Promise<BrokerAddress> | undefined;
  readonly drained: boolean;
  /** Told at each change and every 5 s; the second is the time of the driver's next try. */
  readonly tell: (report: WorkerReport, nextTry: number | null) => void;
}

/** Milliseconds between two reports to the supervisor (L-210). */
const tellEvery = 5_000;

/** Milliseconds that closing the database may take. */
const closingTime = 1000;

/**
 * One backend at work: its adapters, its heartbeat, its RPC server. `run` opens them in the order of lifecycle.md §14,
 * `close` lets operations end and undoes everything in reverse.
 */
export class VolumeService {
  readonly #options: VolumeServiceOptions;
  readonly #log: Logger;
  /** Connections and timers; closed last. */
  readonly #scope = new Scope();
  /** Work of our own on volumes: clean-up and lost requests. A drain waits for it. */
  readonly #recovering = new Scope();
  readonly #instruments = new Instruments();
  readonly #capabilities = new CapabilityReport();
  readonly #state = new ServiceState(() => this.#tell());
  #configuration: Configuration;
  #settings: VolumeManager['settings'];
  #drained: boolean;
  #server: RpcServer | undefined;
  #heartbeat: Heartbeat | undefined;
  #bus: Bus | undefined;
  #db: Database | undefined;
  #pins: PinnedVersions | undefined;
  #askAgain: () => void = () => {};
  #closing: Promise<void> | undefined;
  #reach: () => void = () => {};
  /** Resolves when the RPC server is made and the broker has been reached for the first time. */
  readonly #reachable = new Promise<void>((resolve) => {
    this.#reach = resolve;
  });

  constructor(options: VolumeServiceOptions) {
    this.#options = options;
    this.#log = options.log.logs('cinder.service');
    this.#configuration = options.configuration;
    this.#settings = this.#readSettings();
    this.#drained = options.drained;
  }

  /**
   * Resolves when everything runs, or was closed meanwhile. Rejects with what makes this backend impossible as configured,
   * or with NotStarted, after which another worker may do better; everything else is tried again for as long as it takes
   * (L-121, L-131).
   */
  async run(): Promise<void> {
    const { host, log } = this.#options;
    const scope = this.#scope;
    this.#log.info('Starting cinder-volume node (version %s)', version);
    scope.spawn((signal) => this.#tellRegularly(signal));
    const { coordinator, lock } = await this.#startCoordination();
    const others = otherServices(this.#configuration, { exec: this.#options.exec, host, logs: log.logs });
    scope.defer(() => others.close());
    const driver = await openDriver(this.#options, coordinator, {
      records: driverRecords(() => this.#db ?? assertOpen()),
      openNova: others.openNova,
    });
    scope.defer(() => driver.close());
    this.#state.set({ driver: { name: driver.name, version: driver.version, initialized: false } });
    try {
      await withLogContext(adminContext(), () => this.#open(coordinator, driver, lock, others));
    } catch (error) {
      if (!scope.signal.aborted) throw error;
      log.logs('cinder.service').debug('The start was cut off: %s', messageOf(error));
    }
  }

  /** Configuration that was read again: mutable options take their new values (L-161, L-163). */
  async reset(configuration: Configuration): Promise<void> {
    this.#configuration = configuration;
    this.#settings = this.#readSettings();
    this.#options.log.logs('cinder.manager').info('Resetting cached RPC version pins.');
    try {
      this.#pins?.forget();
      if (this.#pins !== undefined) await tellVersionPins(this.#pins, this.#options.log.logs);
    } catch (error) {
      this.#log.log('WARNING', { error }, 'The versions of the other services could not be read');
    }
  }

  #readSettings(): VolumeManager['settings'] {
    const settings = volumeSettings(this.#configuration, this.#options.backend);
    const { report_interval } = this.#configuration.values(serviceGroup);
    return { ...settings, service_down_time: effectiveDownTime({ ...settings, report_interval }, this.#log) };
  }

  /** Takes no new messages, or takes them again. Does not wait. */
  drain(on: boolean): void {
    this.#drained = on;
    if (this.#closing !== undefined || this.#server === undefined) return;
    if (on) void this.#drainServer(this.#server);
    else {
      void this.#server.resume();
      this.#state.set({ drain: 'no' });
    }
  }

  /** Tries the driver's set-up now instead of at its next turn. */
  reinit(): void {
    this.#askAgain();
  }

  running(): readonly RunningOperation[] {
    return this.#server?.running() ?? [];
  }

  /** What this backend is connected to, a line each. */
  connections(): readonly string[] {
    const broker = this.#bus?.transport;
    return [
      `broker = ${broker?.connected ? 'connected' : (broker?.trouble?.message ?? 'not connected')}`,
      `database = ${this.#db?.url ?? 'not open'}${this.#heartbeat?.connected === false ? ' (away)' : ''}`,
    ];
  }

  /**
   * Takes no more messages, lets operations end and their replies leave, then undoes everything in reverse; the heartbeat
   * goes on until then (L-171, L-175). May be called twice. What a kill cuts off is found by the next start.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Steps 2 to 8 of lifecycle.md §14. */
  async #open(coordinator: Coordinator, driver: VolumeDriver, lock: BackendLock, others: OtherServices): Promise<void> {
    const { host, log, services } = this.#options;
    const { signal } = this.#scope;
    const [db, bus] = await Promise.all([this.#openDatabase(signal), this.#openBus(signal)]);
    const trouble = (database: string | undefined): void => this.#state.set({ database });
    const { service, isNew } = await registerAtLast(db, () => this.#registration(), this.#log, trouble, signal);
    const alone = lock.provesAlone(service, isNew);
    if (!alone && !isNew) await this.#refuseDuplicate(db, service, signal);
    await lock.note(service.report_count);
    const heartbeat = this.#openHeartbeat(db, service, lock);
    const claims = new Claims({
      db,
      log: log.logs('cinder.volume.claim'),
      host,
      serviceId: () => heartbeat.service.id,
    });
    this.#scope.defer(() => claims.close());
    const manager = this.#makeManager({ driver, db, bus, coordinator, claims, heartbeat }, others);
    const recovery = new RecoveryLoop(manager, this.#log, {
      breaks: () => this.#server?.breaks ?? 0,
      isEmpty: async (_, scheduled) =>
        this.#server !== undefined &&
        this.#server.waitingCasts === 0 &&
        (await this.#server.depth()) === 0 &&
        (!scheduled || (await this.#schedulersAreIdle(db, bus))),
    });
    await this.#firstTry(manager, recovery, lock, alone);
    await this.#openServer(manager, bus, db, recovery);
    if (!this.#state.initialized) {
      manager.log.error("Cannot complete RPC initialization because driver isn't initialized properly.");
    }
    this.#startTimers(manager, heartbeat, recovery);
    await tellVersionPins(this.#pins ?? new PinnedVersions(db), log.logs);
    const { host: node } = this.#configuration.values(serviceGroup);
    if (node !== undefined) await warnOfStrandedVolumes(manager, node, services);
  }

  /** One is up, and none of them has a message left; or there are none. */
  async #schedulersAreIdle(db: Database, bus: Bus): Promise<boolean> {
    const all = (await db.services.list()).filter(({ binary }) => binary === 'cinder-scheduler');
    const isUp = ({ updated_at }: Service): boolean =>
      updated_at !== null && Math.abs(secondsBetween(updated_at, utcNow())) < this.#settings.service_down_time;
    return all.length === 0 || (all.some(isUp) && !(await bus.transport.depth('cinder-scheduler')));
  }

  /** Begins the driver's set-up, which goes on until it works, and resolves when the first try has ended either way. */
  #firstTry(manager: VolumeManager, recovery: RecoveryLoop, lock: BackendLock, alone: boolean): Promise<void> {
    return new Promise((resolve) => {
      const { name, version: of } = manager.driver;
      const listener = {
        initialized: () => {
          this.#state.set({ driver: { name, version: of, initialized: true }, driverTried: true, nextTry: null });
          // Clean-up goes on beside the steps that follow (L-122).
          if (this.#closing === undefined) this.#recovering.spawn((end) => recovery.ownRows(alone, lock, end));
          resolve();
        },
        failed: (error: unknown, wait: number) => {
          this.#state.set({ driverTried: true, driverTrouble: messageOf(error), nextTry: Date.now() + wait });
          resolve();
        },
      };
      const impatience = { asked: (stop: AbortSignal) => this.#asked(stop) };
      this.#scope.spawn(async (stop) => {
        await initHost(manager, listener, impatience, stop);
        await abortable(this.#reachable, stop);
        await afterInit(manager, stop);
        await this.#beat();
      });
      this.#scope.signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  async #openServer(manager: VolumeManager, bus: Bus, db: Database, recovery: RecoveryLoop): Promise<void> {
    const { log, host, backend } = this.#options;
    const rpc = this.#configuration.values(rpcGroup);
    const { rabbit } = bus;
    this.#scope.signal.throwIfAborted();
    this.#log.debug('Creating RPC server for service %s', 'cinder-volume');
    this.#log.debug('Pinning object versions for RPC server serializer to %s', objectVersion);
    const server = new RpcServer({
      transport: bus.transport,
      servers: volumeServers(host),
      controlExchange: rpc.control_exchange,
      endpoint: volumeEndpoint(manager, log),
      topology: rabbit,
      instance: backend,
      slots: rpc.executor_thread_pool_size,
      prefetch: rabbit.rabbit_qos_prefetch_count,
      responseTimeout: rpc.rpc_response_timeout,
      replyTimeout: rabbit.kombu_missing_consumer_retry_timeout,
      ping: rpc.rpc_ping_enabled,
      databaseAnswers: () => db.ping(),
      mask,
      logs: log.logs,
      objects: () => this.#objectsFor(),
      observe: (method, result, milliseconds) => this.#instruments.observe(method, result, milliseconds),
    });
    this.#server = server;
    this.#scope.defer(() => server.close());
    if (this.#drained) void this.#drainServer(server);
    server.onEvent((event) => {
      this.#state.set({ consuming: server.consuming });
      if (event.type === 'consuming') {
        recovery.consumersStand();
        void this.#beat();
      }
    });
    bus.transport.onEvent((event) => {
      this.#state.set({ brokerTrouble: event.type === 'down' ? event.reason : undefined, consuming: server.consuming });
      if (event.type === 'up') manager.publishSoon();
    });
    this.#state.set({ consuming: server.consuming });
    void bus.transport.connectedOnce.then(() => this.#reach());
  }

  /** Heartbeat, periodic report, proof of the way through the broker, and the look for lost requests (L-120, O-10). */
  #startTimers(manager: VolumeManager, heartbeat: Heartbeat, recovery: RecoveryLoop): void {
    const values = () => this.#configuration.values(serviceGroup);
    const beat = () => values().report_interval * 1000;
    const publish = () => (values().periodic_interval > 0 ? this.#settings.backend_stats_polling_interval * 1000 : 0);
    const run = (
      name: string,
      interval: () => number,
      delay: number,
      task: (signal: AbortSignal) => Promise<void>,
      late?: (by: number) => void,
    ): void =>
      this.#scope.spawn((signal) =>
        every({ name, interval, delay, run: task, ...(late && { late }) }, this.#log, signal),
      );
    run(
      'report_state',
      beat,
      beat(),
      (signal) => heartbeat.beat(signal),
      (by) => this.#late(by),
    );
    run(
      'probe',
      () => 2 * beat(),
      2 * beat(),
      async (signal) => void (await this.#server?.probe(signal)),
    );
    run(
      'publish_service_capabilities',
      publish,
      Math.random() * values().periodic_fuzzy_delay * 1000 + publish(),
      (signal) => withLogContext(adminContext(), () => publishCapabilities(manager, adminContext(), signal)),
    );
    this.#recovering.spawn((signal) => recovery.handOvers(publish, signal));
    void this.#beat();
  }

  #makeManager(
    parts: {
      readonly driver: VolumeDriver;
      readonly db: Database;
      readonly bus: Bus;
      readonly coordinator: Coordinator;
      readonly claims: Claims;
      readonly heartbeat: Heartbeat;
    },
    others: OtherServices,
  ): VolumeManager {
    const { bus, heartbeat } = parts;
    const { log, host } = this.#options;
    const state = this.#state;
    const settings = (): VolumeManager['settings'] => this.#settings;
    const manager: VolumeManager = {
      ...parts,
      host,
      images: others.images,
      imageFiles: others.imageFiles,
      compute: others.compute,
      copier: volumeCopier(this.#options.exec),
      scheduler: schedulerClient(bus.client),
      peers: volumeClient(bus.client, parts.db),
      connector: connectorOf(host, this.#configuration.values(serviceGroup).my_ip),
      backups: backupClient(bus.client, this.#pins ?? new PinnedVersions(parts.db)),
      notifier: notifier({
        values: this.#configuration.values(notificationGroup),
        transport: bus.transport,
        controlExchange: this.#configuration.values(rpcGroup).control_exchange,
        topology: bus.rabbit,
        mask,
        logs: log.logs,
      }),
      capabilities: this.#capabilities,
      connections: new KeyedMutex(),
      log: log.logs('cinder.volume.manager'),
      cleanupLog: log.logs('cinder.manager'),
      get settings() {
        return settings();
      },
      get service() {
        return heartbeat.service;
      },
      get initialized() {
        return state.initialized;
      },
      signal: this.#scope.signal,
      publishSoon: () => {
        if (this.#closing === undefined) publishSoon();
      },
      note: (note) => this.#instruments.note(note),
    };
    const publishSoon = coalesced(this.#scope, this.#log, (signal) =>
      publishCapabilities(manager, adminContext(), signal),
    );
    return manager;
  }

  async #openDatabase(signal: AbortSignal): Promise<Database> {
    const waiting = (reason: string): void => this.#state.set({ database: reason });
    const db = await openDatabaseAtLast(this.#configuration, this.#options.log, waiting, signal);
    this.#db = db;
    this.#pins = new PinnedVersions(db);
    // Nothing but a heartbeat can be under way by then: a stop does not wait for a database that is away (L-131).
    this.#scope.defer(() => atMost(closingTime, db[Symbol.asyncDispose]()));
    this.#state.set({ database: undefined });
    return db;
  }

  async #openBus(signal: AbortSignal): Promise<Bus> {
    const { broker, log, backend } = this.#options;
    const bus = openBus({
      rpc: this.#configuration.values(rpcGroup),
      rabbit: this.#configuration.values(rabbitGroup),
      embedded: broker === undefined ? undefined : await abortable(broker, signal),
      program: 'cinder-volume',
      instance: backend,
      logs: log.logs,
      objectsFor: (topic) => this.#objectsFor(topic),
    });
    this.#bus = bus;
    this.#scope.defer(() => bus.close());
    return bus;
  }

  /** What peers can read; while the database cannot be asked, what we know ourselves. */
  async #objectsFor(topic?: string): Promise<string> {
    const binary = (['cinder-scheduler', 'cinder-backup', 'cinder-volume'] as const).find((name) =>
      topic?.startsWith(name),
    );
    try {
      return (await this.#pins?.objects(binary)) ?? objectVersion;
    } catch {
      return objectVersion;
    }
  }

  #registration(): NewService {
    return registrationOf(this.#configuration, this.#options.host, this.#settings);
  }

  #openHeartbeat(db: Database, service: Service, lock: BackendLock): Heartbeat {
    this.#heartbeat = new Heartbeat(service, {
      db,
      log: this.#log,
      registration: () => this.#registration(),
      trouble: () => this.#state.trouble(this.#consumerGrace()),
      note: (count) => lock.note(count),
      interval: () => this.#configuration.values(serviceGroup).report_interval * 1000,
      written: (lateness) => this.#instruments.heartbeat(lateness),
    });
    return this.#heartbeat;
  }

  /** A heartbeat that comes late is what others may take for a service that is down (L-129). */
  #late(by: number): void {
    if (by <= 1000) return;
    this.#log.warning('The heartbeat is %.1f s late: the process was blocked', by / 1000);
  }

  /** A report out of turn, when the service has just become what a report would say. */
  async #beat(): Promise<void> {
    const { report_interval } = this.#configuration.values(serviceGroup);
    const usable = this.#state.initialized && this.#server?.consuming === true;
    if (report_interval > 0 && usable && this.#heartbeat !== undefined) await this.#heartbeat.beat(this.#scope.signal);
    this.#tell();
  }

  /** Milliseconds without a consumer after which the heartbeat stops (L-130). */
  #consumerGrace(): number {
    const { rpc_lost_grace } = this.#configuration.values(daemonGroup);
    const { report_interval } = this.#configuration.values(serviceGroup);
    return (rpc_lost_grace || 2 * report_interval) * 1000;
  }

  async #drainServer(server: RpcServer): Promise<void> {
    this.#state.set({ drain: 'draining' });
    await server.drain();
    if (this.#drained && this.#closing === undefined) this.#state.set({ drain: 'drained' });
  }

  async #close(): Promise<void> {
    this.#state.set({ drain: 'stopping' });
    const telling = setInterval(() => {
      const running = this.running();
      if (running.length > 0) this.#log.info('Waiting for %d operations: %s', running.length, waitingText(running));
    }, 10_000);
    try {
      await this.#server?.drain();
      await this.#recovering.close();
    } finally {
      clearInterval(telling);
    }
    await this.#scope.close();
  }

  /** Step 2 of lifecycle.md §14. The lock of the backend is tried for here, before the driver is made. */
  async #startCoordination(): Promise<{ coordinator: Coordinator; lock: BackendLock }> {
    const { log, host } = this.#options;
    const folder = lockFolder(this.#configuration.values(coordinationGroup).backend_url);
    try {
      const coordinator = openCoordinator({
        folder,
        logger: log.logs('cinder.coordination'),
      });
      const lock = new BackendLock(coordinator, this.#configuration.values(serviceGroup).state_path, host);
      this.#scope.defer(() => lock.release());
      await lock.take();
      return { coordinator, lock };
    } catch (error) {
      log.logs('oslo_service.service').exception(error, 'Error starting thread.');
      throw new NotStarted('coordination could not be started', { cause: error });
    }
  }

  /** A row that another process keeps fresh is not ours to use, where somebody says so (O-42). */
  async #refuseDuplicate(db: Database, row: Service, signal: AbortSignal): Promise<void> {
    const { refuse_duplicate } = this.#configuration.values(daemonGroup);
    const { report_interval } = this.#configuration.values(serviceGroup);
    if (!refuse_duplicate) return;
    const times = { downTime: this.#settings.service_down_time, watch: 2 * report_interval };
    if (await isReportedElsewhere(db, row, times, signal)) {
      throw new Error(`Service ${row.host} is already reported by another process`);
    }
  }

  #asked(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#askAgain = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  #tell(): void {
    const heartbeat = this.#heartbeat;
    const report = this.#state.report(this.#instruments, {
      inflight: this.running(),
      stats: this.#capabilities.stats,
      lastReport: heartbeat?.lastReport ?? null,
      databaseAnswers: heartbeat?.connected ?? true,
      measures: this.#instruments.measures({
        log_suppressed: this.#options.log.suppressed,
        db_in_use: this.#db?.load.inUse ?? 0,
        db_errors: this.#db?.load.errors ?? 0,
      }),
    });
    this.#options.tell(report, this.#state.nextTry);
  }

  async #tellRegularly(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#instruments.tick(tellEvery);
      this.#tell();
      await sleep(tellEvery, undefined, { signal }).catch(() => {});
    }
  }
}

/** Waits for `work`, but no longer than `ms` milliseconds. */
async function atMost(ms: number, work: PromiseLike<void>): Promise<void> {
  const stop = new AbortController();
  const enough = sleep(ms, undefined, { signal: stop.signal }).catch(() => {});
  await Promise.race([work, enough]).finally(() => stop.abort());
}

function assertOpen(): never {
  throw new Error('the database is not open yet');
}
