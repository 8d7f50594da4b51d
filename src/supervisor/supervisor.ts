import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { metricsRoutes } from '../admin/metrics.ts';
import { adminRoutes, type DaemonControl, healthRoutes, type Routes } from '../admin/routes.ts';
import { listenHttp } from '../admin/server.ts';
import type { Logger } from '../base/log.ts';
import { Scope } from '../base/scope.ts';
import { version } from '../base/version.ts';
import { dumpLines } from '../config/dump.ts';
import type { Configuration } from '../config/load.ts';
import { logWarnings } from '../config/warnings.ts';
import { daemonGroup, serviceGroup } from '../interface/daemon-options.ts';
import type { DaemonStatus, ReloadResult } from '../interface/daemon-status.ts';
import type { Executor } from '../interface/executor.ts';
import type { WorkerProgram } from '../launcher/cluster-worker.ts';
import { loadInstrumentation } from '../launcher/instrumentation.ts';
import { Launcher } from '../launcher/launcher.ts';
import { type SystemdEnvironment, type SystemdNotifier, systemdNotifier } from '../launcher/notify.ts';
import { findOrphans, residentMemory } from '../launcher/processes.ts';
import { loggingOptions } from '../log/options.ts';
import type { OpenLog } from '../log/oslo-log.ts';
import { Backends } from './backends.ts';
import { EmbeddedBroker } from './embedded-broker.ts';
import { listenPatiently } from './listeners.ts';
import { Readiness } from './readiness.ts';
import { Reload } from './reload.ts';
import { TargetKeeper } from './target-keeper.ts';

export interface SuperviseRequest {
  readonly configuration: Configuration;
  readonly log: OpenLog;
  readonly exec: Executor;
  readonly systemd: SystemdEnvironment;
  readonly workerProgram: WorkerProgram;
  /** Options of the command line that have no effect here (L-050). */
  readonly ignored: readonly string[];
  /** Told once when every backend is up or has failed. */
  readonly settled: (status: DaemonStatus) => void;
}

/** Seconds that systemd is asked for at a time by a stop that has no limit. */
const unlimitedStep = 30;

/** Milliseconds that the end waits for systemd to be told of it. */
const lastWord = 1000;

/**
 * The parent of the workers: keeps one alive per backend, passes configuration on, answers the admin socket, and executes
 * no volume operation itself (L-056).
 */
export class Supervisor implements DaemonControl {
  readonly #request: SuperviseRequest;
  readonly #log: Logger;
  readonly #scope = new Scope();
  readonly #launcher: Launcher;
  readonly #broker: EmbeddedBroker;
  readonly #target: TargetKeeper;
  readonly #backends: Backends;
  readonly #notifier: SystemdNotifier;
  readonly #readiness: Readiness;
  readonly #reload: Reload;
  readonly #startedAt = Date.now();
  #configuration: Configuration;
  #stopping: Promise<number> | undefined;
  #settled = false;
  #end: (code: number) => void = () => {};
  readonly #ended = new Promise<number>((resolve) => {
    this.#end = resolve;
  });

  constructor(request: SuperviseRequest) {
    const { log, exec, systemd, workerProgram } = request;
    this.#request = request;
    this.#configuration = request.configuration;
    this.#log = log.logs('oslo_service.service');
    const configuration = (): Configuration => this.#configuration;
    this.#launcher = new Launcher(this.#log, () => configuration().values(daemonGroup).respawn_backoff_max * 1000);
    this.#broker = new EmbeddedBroker(this.#launcher, workerProgram, log.logs('cinder.broker'), configuration);
    this.#target = new TargetKeeper(this.#launcher, exec, log.logs('cinder.volume.targets'), configuration);
    this.#backends = new Backends(this.#launcher, workerProgram, log.logs, {
      configuration,
      broker: () => this.#broker.address,
      target: () => this.#target.location,
      changed: () => this.#changed(),
    });
    this.#broker.onListening((address) => this.#backends.tell({ kind: 'broker', address }));
    this.#notifier = systemdNotifier(systemd, process.pid, exec, log.logs('oslo_service.systemd'));
    this.#readiness = new Readiness(this.#notifier, configuration().values(daemonGroup).ready_timeout * 1000);
    this.#reload = new Reload(log, this.#backends, {
      configuration,
      adopt: (next) => {
        this.#configuration = next;
      },
    });
  }

  get configuration(): Configuration {
    return this.#configuration;
  }

  /** Runs until it is stopped. Resolves to the exit status (lifecycle.md §19). */
  async run(): Promise<number> {
    const refusal = this.#whyNot();
    if (refusal !== undefined) {
      this.#request.log.logs('cinder.cmd.volume').error(refusal);
      return 1;
    }
    this.#remark();
    await this.#instrument();
    if (this.#stopping !== undefined) return this.#ended;
    await this.#listen();
    if (this.#stopping !== undefined) return this.#ended;
    this.#broker.start();
    this.#target.start();
    if (this.#backends.start()) {
      this.#lookForOrphans();
      this.#dump();
      this.#readiness.watch(() => this.#backends.healthy());
    } else this.#nothingStarted();
    const code = await this.#ended;
    this.#readiness.close();
    await this.#scope.close();
    return code;
  }

  /** SIGTERM: everything ends, running operations first (L-170 to L-177). A second one changes nothing (L-172). */
  stop(signal: string): void {
    if (this.#stopping !== undefined) {
      this.#log.info('Already shutting down');
      return;
    }
    this.#log.log('INFO', { event: 'supervisor.stopping' }, 'Caught %s, stopping children', signal);
    this.#stopping = this.#stop();
    void this.#stopping.then(this.#end);
  }

  /** SIGINT, SIGALRM: ends at once; the workers follow by themselves when their supervisor is gone (L-180, L-181). */
  interrupt(line: string): void {
    this.#log.info(line);
    this.#launcher.kill('target daemon', 'SIGKILL');
  }

  /** SIGHUP and `volume-daemon reload` (L-160 to L-16A). */
  async reload(): Promise<ReloadResult> {
    if (this.#stopping !== undefined) return { changes: [], problems: ['the daemon is stopping'] };
    void this.#notifier.send('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
    const result = await this.#reload.run();
    void this.#notifier.send('READY=1');
    this.#changed();
    return result;
  }

  drain(backend: string | undefined, on: boolean): void {
    this.#backends.drain(backend, on);
  }

  reinit(backend: string): boolean {
    return this.#backends.reinit(backend);
  }

  status(): DaemonStatus {
    const values = this.#configuration.values(serviceGroup);
    return {
      program: 'cinder-volume',
      version,
      host: values.host ?? hostname(),
      pid: process.pid,
      started_at: this.#startedAt,
      memory: residentMemory(process.pid) ?? process.memoryUsage.rss(),
      draining: this.#backends.draining,
      reloads: this.#reload.counts,
      log_suppressed: this.#request.log.suppressed,
      backends: this.#backends.status(),
      broker: this.#broker.status(),
      database: this.#backends.databaseUrl(),
    };
  }

  /** L-034; L-075 where somebody asks for it. */
  #whyNot(): string | undefined {
    if (this.#configuration.backends.length > 0) return undefined;
    return 'Configuration for cinder-volume does not specify "enabled_backends". Using DEFAULT section to configure drivers is not supported since Ocata.';
  }

  /** Everything that deserves a word before the first worker starts. */
  #remark(): void {
    const { logs } = this.#request.log;
    const { strict_config } = this.#configuration.values(daemonGroup);
    const values = this.#configuration.values(serviceGroup);
    logWarnings(this.#configuration.warnings(), logs('oslo_config.cfg'), strict_config);
    for (const option of this.#request.ignored)
      logs('cinder.cmd.volume').warning('The option %s has no effect', option);
    if (this.#configuration.backends.some(({ isDefault }) => isDefault)) {
      const text =
        'The only backend is section [DEFAULT], as allow_single_backend asks: name a section in enabled_backends';
      logs('cinder.cmd.volume').warning(text);
    }
    if (values.backdoor_port ?? values.backdoor_socket) {
      const text = 'There is no backdoor: use the admin socket %s (volume-daemon status)';
      logs('cinder.cmd.volume').warning(text, this.#configuration.values(daemonGroup).admin_socket);
    }
  }

  /** Workers that an earlier supervisor left behind (L-063). It takes a look at every process, so it comes last. */
  #lookForOrphans(): void {
    for (const { pid, host } of findOrphans(this.#configuration.values(serviceGroup).host ?? hostname())) {
      this.#log.warning('Found orphan worker %d for %s', pid, host);
    }
  }

  async #instrument(): Promise<void> {
    const { monkey_patch, monkey_patch_modules } = this.#configuration.values(serviceGroup);
    if (!monkey_patch) return;
    const about = { role: 'supervisor' as const, config: this.#configuration.values(serviceGroup) };
    await loadInstrumentation(monkey_patch_modules, about, this.#request.log.logs);
  }

  /** The admin socket, and the addresses for health and metrics where they are set. */
  async #listen(): Promise<void> {
    const { admin_socket, health_listen, metrics_listen } = this.#configuration.values(daemonGroup);
    const admin = await listenHttp({ path: admin_socket }, adminRoutes(this));
    this.#scope.defer(() => admin[Symbol.asyncDispose]());
    const status = (): DaemonStatus => this.status();
    if (health_listen !== undefined) this.#answerAt('health_listen', health_listen, healthRoutes(status));
    if (metrics_listen !== undefined) this.#answerAt('metrics_listen', metrics_listen, await metricsRoutes(status));
  }

  #answerAt(option: string, address: string, routes: Routes): void {
    const log = this.#request.log.logs('cinder.admin');
    this.#scope.spawn((signal) => listenPatiently({ option, address, routes }, log, signal));
  }

  /** The configuration, once per start of the supervisor (L-140 to L-148). */
  #dump(): void {
    const options = this.#configuration.values({ group: 'DEFAULT', options: loggingOptions });
    if (!options.log_options || !this.#log.isEnabledFor('DEBUG')) return;
    this.#log.debug('Full set of CONF:');
    for (const line of dumpLines(this.#configuration)) this.#log.debug('%s', line);
  }

  #changed(): void {
    const backends = this.#backends.status();
    this.#readiness.update(backends);
    if (this.#settled || !backends.every(({ state }) => state !== 'starting')) return;
    this.#settled = true;
    this.#request.settled(this.status());
    if (backends.length > 0 && backends.every(({ state }) => state === 'failed')) this.#nothingStarted();
  }

  /** No backend can ever work: what was started for them ends, and then we do (L-073). */
  #nothingStarted(): void {
    if (this.#stopping !== undefined) return;
    this.#request.log.logs('cinder.cmd.volume').error('No volume service(s) started successfully, terminating.');
    this.#stopping = this.#stop().then(() => 1);
    void this.#stopping.then(this.#end);
  }

  /** Without a limit of its own a drain asks systemd again and again, and so shows that it lives (L-176). */
  #askForTime(): void {
    void this.#notifier.send(moreTime(unlimitedStep));
  }

  async #stop(): Promise<number> {
    const { graceful_shutdown_timeout: seconds } = this.#configuration.values(serviceGroup);
    let code = 0;
    const deadline =
      seconds > 0
        ? setTimeout(() => {
            code = 1;
            this.#log.info('Graceful shutdown timeout exceeded, instantaneous exiting');
            this.#launcher.killAll();
          }, seconds * 1000)
        : undefined;
    const told = this.#notifier.send('STOPPING=1', moreTime(seconds > 0 ? seconds + 5 : unlimitedStep));
    const asking = seconds > 0 ? undefined : setInterval(() => this.#askForTime(), (unlimitedStep * 1000) / 3);
    await this.#launcher.stop();
    clearInterval(asking);
    clearTimeout(deadline);
    await Promise.race([told, sleep(lastWord, undefined, { ref: false })]);
    return code;
  }
}

function moreTime(seconds: number): string {
  return `EXTEND_TIMEOUT_USEC=${seconds * 1_000_000}`;
}
