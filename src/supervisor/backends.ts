import { hostname } from 'node:os';
import type { Logs } from '../base/log.ts';
import type { BackendSection } from '../config/backend-section.ts';
import type { Configuration } from '../config/load.ts';
import { withoutPasswords } from '../config/secrets.ts';
import { databaseGroup } from '../db/options.ts';
import { daemonGroup, sectionOptions, serviceGroup } from '../interface/daemon-options.ts';
import type { BackendStatus } from '../interface/daemon-status.ts';
import type { WorkerProgram } from '../launcher/cluster-worker.ts';
import type { Launcher } from '../launcher/launcher.ts';
import { residentMemory } from '../launcher/processes.ts';
import { reportEvery, StatusBoard } from '../launcher/status-board.ts';
import type { BrokerAddress } from '../messaging/connection-plan.ts';
import { type ServiceHost, serviceHost, soleService } from '../objects/host.ts';
import { volumeJob } from './jobs.ts';
import type { FromWorker, TargetDaemon, ToWorker } from './messages.ts';

/** What the workers stand on. */
export interface Ground {
  configuration(): Configuration;
  /** Null until it listens, undefined where the broker is not ours. */
  broker(): BrokerAddress | null | undefined;
  /** Known when the search for one has ended. */
  target(): Promise<TargetDaemon | null | undefined>;
  /** Some backend is in another state than before. */
  changed(): void;
}

/** The services of this node: one worker each (L-070 to L-077). */
export class Backends {
  readonly #launcher: Launcher;
  readonly #program: WorkerProgram;
  readonly #logs: Logs;
  readonly #ground: Ground;
  readonly #board = new StatusBoard();
  readonly #hosts = new Map<string, ServiceHost>();
  /** What each worker runs with: a reload that spoils a section leaves its worker, and the next one, what they had. */
  readonly #configurations = new Map<string, Configuration>();
  readonly #drained = new Set<string>();
  readonly #silent = new Set<string>();
  readonly #waiting = new Set<() => void>();
  #look: NodeJS.Timeout | undefined;

  constructor(launcher: Launcher, program: WorkerProgram, logs: Logs, ground: Ground) {
    this.#launcher = launcher;
    this.#program = program;
    this.#logs = logs;
    this.#ground = ground;
    launcher.onExit = (name) => this.#lost(name);
  }

  get draining(): boolean {
    return this.#drained.size > 0;
  }

  /** Starts every backend of the configuration, side by side. False when none could be. */
  start(): boolean {
    const { backends } = this.#ground.configuration();
    for (const section of backends) this.add(section);
    this.#look = setInterval(() => this.#lookForSilence(), reportEvery);
    this.#look.unref();
    return this.#board.backends([], () => null).some(({ state }) => state !== 'failed');
  }

  /** Starts one backend. One whose section cannot be used fails alone (L-072, L-074, L-104). */
  add(section: BackendSection): void {
    const configuration = this.#ground.configuration();
    const host = this.#hostOf(section, configuration);
    this.#board.add(section.name, host);
    this.#hosts.set(section.name, host);
    this.#configurations.set(section.name, configuration);
    const [problem] = section.problems(sectionOptions);
    if (problem !== undefined) {
      this.#fail(section.name, new Error(problem.message));
      return;
    }
    const start = async () => ({
      kind: 'start' as const,
      role: 'volume' as const,
      sources: (this.#configurations.get(section.name) ?? configuration).sources,
      backend: section.name,
      host,
      services: [...this.#hosts.values()],
      target: await this.#ground.target(),
      broker: this.#ground.broker(),
      drained: this.#drained.has(section.name),
    });
    const listen = (message: FromWorker, pid: number): void => this.#hear(section.name, message, pid);
    this.#launcher.add(volumeJob(this.#program, section.name, host, start, listen));
  }

  /** Lets a backend end, its operations first. */
  async remove(name: string): Promise<void> {
    await this.#launcher.remove(name);
    this.#board.remove(name);
    this.#hosts.delete(name);
    this.#configurations.delete(name);
    this.#drained.delete(name);
    this.#silent.delete(name);
  }

  /** Ends the worker of a backend and starts one with the present configuration in its place. */
  async replace(section: BackendSection): Promise<void> {
    await this.#launcher.remove(section.name);
    this.add(section);
  }

  /** Workers that stay get the configuration's mutable options. */
  reconfigure(names: readonly string[]): void {
    const configuration = this.#ground.configuration();
    for (const name of names) {
      this.#configurations.set(name, configuration);
      const message: ToWorker = { kind: 'reload', sources: configuration.sources, services: [...this.#hosts.values()] };
      this.#launcher.send(name, message);
    }
  }

  tell(message: ToWorker): void {
    for (const name of this.#hosts.keys()) this.#launcher.send(name, message);
  }

  drain(backend: string | undefined, on: boolean): void {
    for (const name of backend === undefined ? this.#hosts.keys() : [backend]) {
      if (on) this.#drained.add(name);
      else this.#drained.delete(name);
      this.#launcher.send(name, { kind: 'drain', on } satisfies ToWorker);
    }
  }

  reinit(name: string): boolean {
    return this.#hosts.has(name) && this.#launcher.send(name, { kind: 'reinit' } satisfies ToWorker);
  }

  pidOf(name: string): number | undefined {
    return this.#launcher.jobs().find((job) => job.name === name)?.pid;
  }

  status(): BackendStatus[] {
    return this.#board.backends(this.#launcher.jobs(), residentMemory);
  }

  /** True while no worker has been silent for three of its intervals: what the watchdog of systemd is told (L-203). */
  healthy(): boolean {
    return this.#board.longestSilence(this.#launcher.jobs()) < 3 * reportEvery + 1000;
  }

  /** Resolves when the backend is up, has failed, or is down and being retried. */
  async settled(name: string): Promise<BackendStatus | undefined> {
    for (;;) {
      const backend = this.status().find((each) => each.name === name);
      if (backend === undefined || backend.state !== 'starting') return backend;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Something is known anew: the board has it, whoever waits looks again. */
  #changed(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
    this.#ground.changed();
  }

  databaseUrl(): string {
    return withoutPasswords(this.#ground.configuration().values(databaseGroup).connection);
  }

  #hostOf(section: BackendSection, configuration: Configuration): ServiceHost {
    const { host } = configuration.values(serviceGroup);
    const node = host ?? hostname();
    return section.isDefault ? soleService(node) : serviceHost(section.text('backend_host') ?? node, section.name);
  }

  #hear(name: string, message: FromWorker, pid: number): void {
    if (this.pidOf(name) !== pid && message.kind !== 'failed') return;
    if (message.kind === 'report') this.#board.hear(name, message.report, message.nextTry);
    if (message.kind === 'failed') {
      const error = new Error(message.message);
      error.stack = message.stack;
      this.#fail(name, error);
    }
    this.#silent.delete(name);
    this.#changed();
  }

  #lost(name: string): void {
    if (!this.#hosts.has(name)) return;
    if (this.#launcher.stopping) this.#board.lost(name, 'drained', 'its worker has ended, the daemon is stopping');
    else this.#board.lost(name, 'starting', 'its worker has ended, the next one starts');
    this.#changed();
  }

  #fail(name: string, error: Error): void {
    this.#launcher.giveUp(name);
    this.#board.failed(name, error.message);
    this.#logs('cinder.cmd.volume').exception(error, 'Volume service %s failed to start.', this.#hosts.get(name));
    queueMicrotask(() => this.#changed());
  }

  /** A worker that says nothing is told of once, and ended if somebody set a time for that (L-210). */
  #lookForSilence(): void {
    const { worker_stuck_timeout } = this.#ground.configuration().values(daemonGroup);
    const log = this.#logs('oslo_service.service');
    for (const backend of this.status().filter(({ responding, pid }) => !responding && pid !== null)) {
      if (this.#silent.has(backend.name)) continue;
      this.#silent.add(backend.name);
      log.warning('Worker %d (%s) is not responding', backend.pid, backend.host);
      this.#changed();
      if (worker_stuck_timeout > 0)
        setTimeout(() => this.#end(backend.name, backend.pid), worker_stuck_timeout * 1000).unref();
    }
  }

  #end(name: string, pid: number | null): void {
    if (!this.#silent.has(name) || this.pidOf(name) !== pid) return;
    this.#launcher.kill(name, 'SIGABRT');
    setTimeout(() => this.pidOf(name) === pid && this.#launcher.kill(name, 'SIGKILL'), 5_000).unref();
  }
}
