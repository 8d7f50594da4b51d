import { setTimeout as sleep } from 'node:timers/promises';
import { abortable } from '../base/abortable.ts';
import { messageOf } from '../base/errors.ts';
import { type Logger, withLogContext } from '../base/log.ts';
import { Scope } from '../base/scope.ts';
import { version } from '../base/version.ts';
import type { Configuration } from '../config/load.ts';
import { openCoordinator } from '../coordination/coordinator.ts';
import { lockFolder } from '../coordination/options.ts';
import type { Coordinator } from '../interface/coordinator.ts';
import { daemonGroup, serviceGroup } from '../interface/daemon-options.ts';
import type { Database } from '../interface/database.ts';
import type { RunningOperation } from '../interface/rpc.ts';
import type { NewService } from '../interface/service-table.ts';
import type { VolumeDriver } from '../interface/volume-driver.ts';
import type { WorkerReport } from '../interface/worker-report.ts';
import { type Bus, openBus } from '../messaging/bus.ts';
import type { BrokerAddress } from '../messaging/connection-plan.ts';
import type { RpcServer } from '../messaging/server.ts';
import { adminContext } from '../objects/context.ts';
import type { ServiceHost } from '../objects/host.ts';
import { objectVersion, type Service } from '../objects/service.ts';
import { publishCapabilities } from '../volume/capabilities.ts';
import { CapabilityReport } from '../volume/capability-report.ts';
import { Claims } from '../volume/claim.ts';
import { afterInit, initHost } from '../volume/init-host.ts';
import type { VolumeManager } from '../volume/manager.ts';
import { openDatabaseAtLast } from './adapters.ts';
import { BackendLock } from './backend-lock.ts';
import { coalesced } from './coalesced.ts';
import { effectiveDownTime } from './down-time.ts';
import { type DriverSources, openDriver } from './driver.ts';
import { driverRecords } from './driver-records.ts';
import { refuseDuplicate } from './duplicate.ts';
import { Heartbeat } from './heartbeat.ts';
import { Instruments, waitingText } from './instruments.ts';
import { makeManager, type ServiceParts } from './make-manager.ts';
import { makeServer } from './make-server.ts';
import { NotStarted } from './not-started.ts';
import { notificationRoutes } from './notification-routes.ts';
import { type OtherServices, otherServices } from './other-services.ts';
import { RecoveryLoop } from './recovery-loop.ts';
import { registerAtLast, registrationOf } from './registration.ts';
import { schedulersAreIdle } from './schedulers.ts';
import { coordinationGroup, rabbitGroup, rpcGroup, volumeSettings } from './settings.ts';
import { ServiceState } from './state.ts';
import { warnOfStrandedVolumes } from './stranded-volumes.ts';
import { startTimers } from './timers.ts';
import { PinnedVersions, rereadVersionPins, tellVersionPins } from './version-pins.ts';

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
  #recovery: RecoveryLoop | undefined;
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
      `database = ${this.#db?.url ?? 'not open'}${this.#state.unreported ? ' (away)' : ''}`,
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
    if (!alone && !isNew && this.#configuration.values(daemonGroup).refuse_duplicate) {
      const { report_interval } = this.#configuration.values(serviceGroup);
      const times = { downTime: this.#settings.service_down_time, watch: 2 * report_interval };
      await refuseDuplicate(db, service, times, signal);
    }
    await lock.note(service.report_count);
    const heartbeat = this.#openHeartbeat(db, service, lock);
    const claims = new Claims({
      db,
      log: log.logs('cinder.volume.claim'),
      host,
      serviceId: () => heartbeat.service.id,
    });
    this.#scope.defer(() => claims.close());
    const routes = await notificationRoutes(this.#configuration, this.#log);
    const manager = this.#makeManager({ driver, db, bus, coordinator, claims, heartbeat, routes }, others);
    const recovery = new RecoveryLoop(manager, this.#log, {
      breaks: () => this.#server?.breaks ?? 0,
      isEmpty: async (_, scheduled) =>
        this.#server !== undefined &&
        this.#server.waitingCasts === 0 &&
        (await this.#server.depth()) === 0 &&
        (!scheduled || (await schedulersAreIdle(db, bus.transport, this.#settings.service_down_time))),
    });
    this.#recovery = recovery;
    await this.#firstTry(manager, recovery, lock, alone);
    await this.#openServer(manager, bus, db, recovery);
    if (!this.#state.initialized) {
      manager.log.error("Cannot complete RPC initialization because driver isn't initialized properly.");
    }
    this.#startTimers(manager, heartbeat, recovery);
    await tellVersionPins(this.#pins ?? new PinnedVersions(db), log.logs);
    const { host: node, report_interval } = this.#configuration.values(serviceGroup);
    if (node === undefined) return;
    const times = { downTime: this.#settings.service_down_time, watch: 2 * report_interval };
    this.#scope.spawn((until) => warnOfStrandedVolumes({ db, log: manager.log, node, services, ...times }, until));
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
    const { log, backend } = this.#options;
    this.#scope.signal.throwIfAborted();
    this.#log.debug('Creating RPC server for service %s', 'cinder-volume');
    this.#log.debug('Pinning object versions for RPC server serializer to %s', objectVersion);
    const server = makeServer(manager, bus, db, {
      configuration: this.#configuration,
      instance: backend,
      log,
      objects: () => this.#objectsFor(),
      observe: (method, result, milliseconds) => this.#instruments.observe(method, result, milliseconds),
    });
    this.#server = server;
    this.#scope.defer(() => server.close());
    if (this.#drained) void this.#drainServer(server);
    server.onEvent((event) => {
      this.#state.set({ consuming: server.consuming });
      if (event.type === 'consuming') {
        recovery.lookAtAll();
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

  #startTimers(manager: VolumeManager, heartbeat: Heartbeat, recovery: RecoveryLoop): void {
    const values = () => this.#configuration.values(serviceGroup);
    startTimers(this.#scope, this.#log, {
      reportInterval: () => values().report_interval * 1000,
      publishInterval: () => this.#publishInterval(),
      fuzzyDelay: values().periodic_fuzzy_delay * 1000,
      report: (signal) => heartbeat.beat(signal),
      late: (by) => this.#late(by),
      probe: async (signal) => void (await this.#server?.probe(signal)),
      publish: (signal) => publishCapabilities(manager, adminContext(), signal),
      pins: async () => this.#pins && rereadVersionPins(this.#pins, this.#options.log.logs),
    });
    this.#recovering.spawn((signal) => recovery.handOvers(() => this.#publishInterval(), signal));
    void this.#beat();
  }

  /** Milliseconds between two reports of capabilities; 0: none but those out of turn. */
  #publishInterval(): number {
    const { periodic_interval } = this.#configuration.values(serviceGroup);
    return periodic_interval > 0 ? this.#settings.backend_stats_polling_interval * 1000 : 0;
  }

  #makeManager(parts: ServiceParts, others: OtherServices): VolumeManager {
    const manager = makeManager(parts, others, {
      host: this.#options.host,
      exec: this.#options.exec,
      logs: this.#options.log.logs,
      configuration: this.#configuration,
      pins: this.#pins ?? new PinnedVersions(parts.db),
      settings: () => this.#settings,
      initialized: () => this.#state.initialized,
      signal: this.#scope.signal,
      capabilities: this.#capabilities,
      note: (note) => this.#instruments.note(note),
      publishSoon: () => {
        if (this.#closing === undefined) publishSoon();
      },
    });
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
      tried: (unreported) => {
        if (unreported === undefined && this.#state.unreported) this.#recovery?.lookAtAll();
        this.#state.set({ unreported });
      },
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
      const lock = new BackendLock(coordinator, this.#configuration.values(serviceGroup).state_path, host, this.#log);
      this.#scope.defer(() => lock.release());
      await lock.take();
      return { coordinator, lock };
    } catch (error) {
      log.logs('oslo_service.service').exception(error, 'Error starting thread.');
      throw new NotStarted('coordination could not be started', { cause: error });
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
