import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { Backoff } from '../base/retry.ts';
import type { Configuration } from '../config/load.ts';
import { serviceGroup } from '../interface/daemon-options.ts';
import type { DaemonStatus } from '../interface/daemon-status.ts';
import type { WorkerProgram } from '../launcher/cluster-worker.ts';
import type { Launcher } from '../launcher/launcher.ts';
import { newPassword, readBrokerFile, writeBrokerFile } from '../messaging/broker-file.ts';
import type { BrokerAddress } from '../messaging/connection-plan.ts';
import { rpcOptions } from '../messaging/options.ts';
import { embeddedListener, transportUrlOf } from '../messaging/transport-url.ts';
import { brokerJob, brokerJobName } from './jobs.ts';
import type { BrokerStart, FromWorker } from './messages.ts';

/** The broker of `embedded://`: a child like any other, whose address is known when it listens (M-60). */
export class EmbeddedBroker {
  readonly #launcher: Launcher;
  readonly #program: WorkerProgram;
  readonly #log: Logger;
  readonly #configuration: () => Configuration;
  readonly #listeners: ((address: BrokerAddress) => void)[] = [];
  #address: BrokerAddress | undefined;

  constructor(launcher: Launcher, program: WorkerProgram, log: Logger, configuration: () => Configuration) {
    this.#launcher = launcher;
    this.#program = program;
    this.#log = log;
    this.#configuration = configuration;
  }

  /** Null until it listens for the first time; undefined where the configuration names another broker. */
  get address(): BrokerAddress | null | undefined {
    return this.#isEmbedded() ? (this.#address ?? null) : undefined;
  }

  /** Tells of each address that it takes; a respawned broker takes the same one. */
  onListening(listener: (address: BrokerAddress) => void): void {
    this.#listeners.push(listener);
  }

  start(): void {
    if (!this.#isEmbedded()) return;
    this.#launcher.add(
      brokerJob(
        this.#program,
        () => this.#start(),
        (message) => this.#hear(message),
      ),
    );
  }

  status(): DaemonStatus['broker'] {
    if (!this.#isEmbedded()) return { address: this.#hosts(), embedded: false, pid: null };
    const pid = this.#launcher.jobs().find(({ name }) => name === brokerJobName)?.pid ?? null;
    const address = this.#address === undefined ? 'starting' : `${this.#address.host}:${this.#address.port}`;
    return { address, embedded: true, pid };
  }

  /** What the next broker is told: the address of the last one, so that whoever is connected finds it again. */
  async #start(): Promise<BrokerStart> {
    const wanted = embeddedListener(this.#url());
    const before = this.#address ?? (await readBrokerFile(this.#statePath()));
    const password = wanted.password ?? before?.password ?? newPassword();
    const earlier = before?.host === wanted.host ? [before.port] : [];
    const ports = wanted.portGiven && wanted.port > 0 ? [wanted.port] : [...new Set([...earlier, wanted.port, 0])];
    const { sources } = this.#configuration();
    return { kind: 'start', role: 'broker', sources, host: wanted.host, ports, user: wanted.user, password };
  }

  #hear(message: FromWorker): void {
    if (message.kind === 'failed') this.#log.error('The embedded broker cannot run: %s', message.message);
    if (message.kind !== 'listening') return;
    const { address } = message;
    const wanted = embeddedListener(this.#url());
    if (this.#address === undefined && !wanted.portGiven && address.port !== wanted.port) {
      this.#log.warning('Port %d is taken, the embedded broker listens on port %d', wanted.port, address.port);
    }
    this.#address = address;
    void this.#publish(address);
    for (const listener of this.#listeners) listener(address);
  }

  /** Writes where client commands look, for as long as it takes: a disk that is full will be emptied. */
  async #publish(address: BrokerAddress): Promise<void> {
    const backoff = new Backoff({ first: 1000, most: 5000 });
    for (let isNew = true; address === this.#address; isNew = false) {
      try {
        await writeBrokerFile(this.#statePath(), address);
        return;
      } catch (error) {
        const template = 'Client commands do not find the embedded broker until this can be written: %s';
        if (isNew) this.#log.error(template, messageOf(error));
      }
      await sleep(backoff.next(), undefined, { ref: false });
    }
  }

  #isEmbedded(): boolean {
    return this.#url().kind === 'embedded';
  }

  #url() {
    return transportUrlOf(this.#configuration().values({ group: 'DEFAULT', options: rpcOptions }));
  }

  #hosts(): string {
    return this.#url()
      .hosts.map(({ host = 'localhost', port = 5672 }) => `${host}:${port}`)
      .join(',');
  }

  #statePath(): string {
    return this.#configuration().values(serviceGroup).state_path;
  }
}
