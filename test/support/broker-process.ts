import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { login } from './messaging.ts';

/** An embedded broker in a process of its own, which can be killed and started again on the same port. */
export class BrokerProcess implements AsyncDisposable {
  readonly host = '127.0.0.1';
  #port = 0;
  #child: ChildProcess | undefined;

  static async start(): Promise<BrokerProcess> {
    const broker = new BrokerProcess();
    await broker.start();
    return broker;
  }

  get port(): number {
    return this.#port;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Starts it, on the port that it had before. */
  async start(): Promise<void> {
    const child = fork(fileURLToPath(import.meta.url), ['serve', String(this.#port)]);
    this.#child = child;
    const [port] = await once(child, 'message');
    this.#port = Number(port);
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

if (process.argv[2] === 'serve' && process.argv[1] === fileURLToPath(import.meta.url)) {
  const { startBroker } = await import('../../src/broker/broker.ts');
  const { silent } = await import('../../src/base/log.ts');
  const port = Number(process.argv[3]);
  const broker = await startBroker({ host: '127.0.0.1', port, ...login, logger: silent, version: '0' });
  process.once('disconnect', () => process.exit());
  process.send?.(broker.port);
}
