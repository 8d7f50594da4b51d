import { type BackendStatus, isUp } from '../interface/daemon-status.ts';
import type { SystemdNotifier } from '../launcher/notify.ts';

/**
 * Tells systemd when the daemon is ready and how it is doing (L-201 to L-203). READY comes when every backend is up or has
 * failed for good, at the latest after `readyTimeout` ms; with 0 as soon as the first is up.
 */
export class Readiness {
  readonly #notifier: SystemdNotifier;
  readonly #readyTimeout: number;
  #ready = false;
  #status = '';
  #watchdog: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;

  constructor(notifier: SystemdNotifier, readyTimeout: number) {
    this.#notifier = notifier;
    this.#readyTimeout = readyTimeout;
    if (readyTimeout > 0) this.#deadline = setTimeout(() => this.#becomeReady(), readyTimeout);
  }

  /** Called at each change. */
  update(backends: readonly BackendStatus[]): void {
    const settled = backends.every((backend) => isUp(backend) || backend.state === 'failed');
    if (settled || (this.#readyTimeout === 0 && backends.some(isUp))) this.#becomeReady();
    const status = statusLine(backends, () => '');
    if (status === this.#status) return;
    this.#status = status;
    const now = Date.now();
    const line = statusLine(backends, ({ since }) => ` (${Math.max(0, Math.round((now - since) / 1000))} s)`);
    void this.#notifier.send(`STATUS=${line}`);
  }

  /** Answers the watchdog for as long as `healthy` says so; the timer itself proves that the loop turns. */
  watch(healthy: () => boolean): void {
    const { watchdog } = this.#notifier;
    if (watchdog === undefined) return;
    this.#watchdog = setInterval(() => {
      if (healthy()) void this.#notifier.send('WATCHDOG=1');
    }, watchdog / 2);
  }

  close(): void {
    clearInterval(this.#watchdog);
    clearTimeout(this.#deadline);
  }

  #becomeReady(): void {
    if (this.#ready) return;
    this.#ready = true;
    clearTimeout(this.#deadline);
    void this.#notifier.send('READY=1');
  }
}

/** `3/4 backends up; ceph-b: driver not initialised (12 s)`, where `age` says how long that has been so. */
function statusLine(backends: readonly BackendStatus[], age: (backend: BackendStatus) => string): string {
  const up = backends.filter(isUp).length;
  const others = backends
    .filter((backend) => !isUp(backend))
    .map((backend) => {
      const { name, state, reason, responding } = backend;
      return `${name}: ${responding ? (reason ?? state) : 'not responding'}${age(backend)}`;
    });
  return [`${up}/${backends.length} backends up`, ...others].join('; ').replaceAll('\n', ' ');
}
