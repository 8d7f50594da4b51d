import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export type Rows = readonly Readonly<Record<string, unknown>>[];

/** A database server of the tests' own, in a folder and on a port of its own. */
export interface PrivateServer {
  readonly folder: string;
  readonly port: number;
  /** The URL of a database on it, for an account that may do everything there, from any Python driver's point of view. */
  url(database: string): string;
  /** Runs statements as the server's own administrator; rows come as SQLite has them: booleans as numbers, times as text. */
  admin(sql: string, database?: string): Promise<Rows>;
  signal(name: NodeJS.Signals): void;
  /** Waits for the process to be gone after a signal. */
  gone(): Promise<void>;
  /** Starts it again in its folder, until it answers. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** The account that a server runs under: itself refuses to be root. Undefined when the tests are not root either. */
export function accountOf(user: string): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const number = (flag: string): number => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }));
  return { uid: number('-u'), gid: number('-g') };
}

/** A short path, for the server puts its socket below it. */
export function serverFolder(): string {
  return mkdtempSync(join(tmpdir(), 'vd-'));
}

/**
 * A port of loopback below those that the system gives to clients: while its server is down, nobody else's connection takes
 * it. Two that ask at once will hardly draw the same.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(10_000, 32_000);
    const server = createServer().listen(port, '127.0.0.1');
    const free = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!free) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
  throw new Error('there is no port to be had');
}

/** A server's process: started, waited for, ended by its own id. */
export class ServerProcess {
  readonly #folder: string;
  readonly #command: readonly [string, ...string[]];
  readonly #account: { uid: number; gid: number } | undefined;
  readonly #answers: () => Promise<unknown>;
  #child: ChildProcess | undefined;

  constructor(
    folder: string,
    command: readonly [string, ...string[]],
    account: { uid: number; gid: number } | undefined,
    answers: () => Promise<unknown>,
  ) {
    this.#folder = folder;
    this.#command = command;
    this.#account = account;
    this.#answers = answers;
  }

  async start(): Promise<void> {
    const log = join(this.#folder, 'server.log');
    const output = openSync(log, 'a');
    const [file, ...args] = this.#command;
    this.#child = spawn(file, args, { cwd: this.#folder, stdio: ['ignore', output, output], ...this.#account });
    closeSync(output);
    const deadline = performance.now() + 90_000;
    for (;;) {
      try {
        await this.#answers();
        return;
      } catch (error) {
        if (performance.now() > deadline || this.#child.exitCode !== null) {
          const text = readFileSync(log, 'utf8').slice(-2000);
          throw new Error(`${file} does not answer: ${text}`, { cause: error });
        }
        await sleep(100);
      }
    }
  }

  /** Reaches the processes that serve connections as well, where a server has such. */
  signal(name: NodeJS.Signals): void {
    const child = this.#child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
    child.kill(name);
    for (const pid of children
      .split(' ')
      .filter((word) => word !== '')
      .map(Number)) {
      try {
        process.kill(pid, name);
      } catch {
        // It has ended meanwhile.
      }
    }
  }

  async gone(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    await once(child, 'exit');
  }

  /** Ends the server and removes its folder. */
  async stop(): Promise<void> {
    this.signal('SIGCONT');
    this.signal('SIGKILL');
    await this.gone();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A time with all six digits behind the second, as SQLite's text has it. */
export function asText(time: string | null): string | null {
  if (time === null) return null;
  const [seconds = '', fraction = ''] = time.split('.');
  return `${seconds}.${fraction.padEnd(6, '0')}`;
}
