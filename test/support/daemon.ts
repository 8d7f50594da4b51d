import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { askDaemon } from '../../src/admin/client.ts';
import { type BackendStatus, type DaemonStatus, isUp } from '../../src/interface/daemon-status.ts';
import type { BackendState } from '../../src/interface/worker-report.ts';
import { rowsOf } from './database.ts';
import { eventually } from './eventually.ts';
import { repository } from './repository.ts';

/** A section of cinder.conf. */
export type Section = Readonly<Record<string, string | number | boolean>>;

export interface DaemonOptions {
  /** The backends by the name of their section; two file backends by default. */
  readonly backends?: Readonly<Record<string, Section>>;
  /** More of `[DEFAULT]`, or another value. */
  readonly defaults?: Section;
  /** Other sections. */
  readonly sections?: Readonly<Record<string, Section>>;
  /** Words on the command line behind the configuration file. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Words before the command line: a command that replaces itself by the one it is given. */
  readonly prefix?: readonly string[];
  /** Another file than `bin/volume-daemon`: the program as it was installed. */
  readonly program?: string;
  /** Starts that file itself, as a person does, by the shell and the Node that it finds. */
  readonly itself?: boolean;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A configuration file of these sections. */
export function sectionsText(sections: Readonly<Record<string, Section>>): string {
  const text = Object.entries(sections).map(([name, options]) => {
    const lines = Object.entries(options).map(([key, value]) => `${key} = ${value}\n`);
    return `[${name}]\n${lines.join('')}`;
  });
  return text.join('\n');
}

/** The section of a backend of the file driver. */
export const fileBackend: Section = { volume_driver: 'file' };

/** The section of a backend of the fake driver, whose journal tells what it did. */
export function fakeBackend(knobs: Section = {}): Section {
  return { volume_driver: 'cinder.tests.fake_driver.FakeLoggingVolumeDriver', ...knobs };
}

/**
 * The real program with a state folder of its own, which goes with the test, and with it every process that the program
 * started.
 */
export function aDaemon(t: Pick<TestContext, 'after'>, options: DaemonOptions = {}): Daemon {
  const daemon = new Daemon(mkdtempSync(join(tmpdir(), 'vd-')), options);
  // One after the other: hooks run in the order of their making, and what still runs still writes.
  t.after(async () => {
    await daemon.destroy();
    rmSync(daemon.folder, { recursive: true, force: true });
  });
  return daemon;
}

/** The same, started and up. */
export async function aRunningDaemon(t: Pick<TestContext, 'after'>, options: DaemonOptions = {}): Promise<Daemon> {
  const daemon = aDaemon(t, options);
  await daemon.startUp();
  return daemon;
}

export class Daemon {
  readonly folder: string;
  readonly conf: string;
  readonly log: string;
  readonly #options: DaemonOptions;
  #child: ChildProcess | undefined;
  #ended: Promise<Ended> | undefined;
  #printed = '';
  readonly #groups: number[] = [];

  constructor(folder: string, options: DaemonOptions) {
    this.folder = folder;
    this.conf = join(folder, 'cinder.conf');
    this.log = join(folder, 'cinder-volume.log');
    this.#options = options;
    this.configure(options);
  }

  /** Writes the configuration file. */
  configure({
    backends = { file1: fileBackend, file2: fileBackend },
    defaults = {},
    sections = {},
  }: DaemonOptions): void {
    const all: Record<string, Section> = {
      DEFAULT: {
        state_path: this.folder,
        transport_url: 'embedded://127.0.0.1:0',
        enabled_backends: Object.keys(backends).join(','),
        log_file: this.log,
        use_stderr: false,
        ...defaults,
      },
      ...backends,
      ...sections,
      volume_daemon: { admin_socket: join(this.folder, 'admin.sock'), ...sections['volume_daemon'] },
    };
    mkdirSync(this.folder, { recursive: true });
    // In one step, as an editor does: the daemon may be reading it.
    writeFileSync(`${this.conf}.new`, sectionsText(all));
    renameSync(`${this.conf}.new`, this.conf);
  }

  /** What starts it, word by word. */
  get commandLine(): string[] {
    return [
      ...(this.#options.prefix ?? []),
      ...(this.#options.itself ? [] : [process.execPath]),
      this.#options.program ?? program,
      '--config-file',
      this.conf,
      ...(this.#options.args ?? []),
    ];
  }

  /** Starts it in a session of its own: a signal to the tests' group does not reach it (L-182). */
  start(): void {
    const [file = '', ...words] = this.commandLine;
    const child = spawn(file, words, {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: { ...process.env, ...this.#options.env },
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#printed += text;
      });
    }
    this.#child = child;
    if (child.pid !== undefined) this.#groups.push(child.pid);
    this.#ended = once(child, 'exit').then(([code, signal]) => ({ code, signal }) as Ended);
  }

  /** Starts it and waits until every backend is up. */
  async startUp(): Promise<void> {
    this.start();
    await this.isUp();
  }

  /** Waits until every backend is up: the service is there, its driver works, its heartbeat is written. */
  async isUp(): Promise<void> {
    const ready = async (): Promise<boolean> => {
      if (this.#child?.exitCode !== null) throw new Error('the daemon has ended');
      const status = await this.status().catch(() => undefined);
      return status !== undefined && status.backends.length > 0 && status.backends.every(isUp);
    };
    await eventually(`every backend is up in ${this.folder}`, ready, 40_000).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.#printed}${this.logText().slice(-4000)}`);
    });
  }

  /** Waits until its backends are in these states, by their names. */
  async hasStates(states: Readonly<Record<string, BackendState>>): Promise<void> {
    const reached = async (): Promise<boolean> => {
      const { backends } = await this.status().catch(() => ({ backends: [] }));
      return isDeepStrictEqual(Object.fromEntries(backends.map(({ name, state }) => [name, state])), states);
    };
    await eventually(`${JSON.stringify(states)} in ${this.folder}`, reached, 20_000).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.#printed}${this.logText().slice(-4000)}`);
    });
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** What it has printed so far. */
  get printed(): string {
    return this.#printed;
  }

  get ended(): Promise<Ended> {
    if (this.#ended === undefined) throw new Error('the daemon was never started');
    return this.#ended;
  }

  logText(): string {
    return existsSync(this.log) ? readFileSync(this.log, 'utf8') : '';
  }

  /** The lines of its log that match. */
  logged(pattern: RegExp): string[] {
    return this.logText()
      .split('\n')
      .filter((line) => pattern.test(line));
  }

  /** Waits for a line in the log and gives it. */
  async logs(pattern: RegExp, ms = 20_000): Promise<string> {
    return eventually(`a log line like ${pattern}`, () => this.logged(pattern)[0], ms).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.#printed}${this.logText().slice(-4000)}`);
    });
  }

  async status(): Promise<DaemonStatus> {
    return (await askDaemon(join(this.folder, 'admin.sock'), 'GET', '/status')).body as DaemonStatus;
  }

  /** The pid of a backend's worker. */
  async worker(name: string): Promise<number> {
    return eventually(`backend ${name} has a worker`, async () => (await this.backend(name)).pid ?? undefined);
  }

  /** Rows as they stand in its database. */
  rows(sql: string): Record<string, unknown>[] {
    return rowsOf(join(this.folder, 'cinder.sqlite'), sql);
  }

  /** How often a backend's service has reported, by its row. */
  reports(name: string): number {
    const [row] = this.rows(`select report_count from services where host like '%@${name}'`);
    return Number(row?.['report_count'] ?? Number.NaN);
  }

  /** Waits until the row of a backend's service has got another report than those up to now. */
  async reportsAgain(name: string, ms?: number): Promise<void> {
    const before = this.reports(name);
    await eventually(`${name} reports`, () => this.reports(name) > before, ms);
  }

  async backend(name: string): Promise<BackendStatus> {
    const found = (await this.status()).backends.find((backend) => backend.name === name);
    if (found === undefined) throw new Error(`there is no backend ${name}`);
    return found;
  }

  /** Runs a client command against it, such as `command('volume', 'list')`. */
  command(...words: readonly string[]): Promise<CommandResult> {
    return this.begin(...words).result;
  }

  /** Starts a client command, so that it can be killed. */
  begin(...words: readonly string[]): { readonly child: ChildProcess; readonly result: Promise<CommandResult> } {
    const { env, program: file = program } = this.#options;
    return runProgram([...words, '--config-file', this.conf], env, { file });
  }

  /** Runs a command that must succeed and gives its output. */
  async does(...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.command(...words);
    if (code !== 0) throw new Error(`'${words.join(' ')}' exits ${code}: ${stderr}${stdout}`);
    return stdout;
  }

  /** The same with the output as JSON. */
  async ask<T = Readonly<Record<string, unknown>>>(...words: readonly string[]): Promise<T> {
    return JSON.parse(await this.does(...words, '-f', 'json')) as T;
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.#child?.kill(signal);
    return this.ended;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Sends a signal to each of its processes that still lives, as a signal to the group does. */
  signalAll(signal: NodeJS.Signals): void {
    for (const pid of this.processes()) kill(pid, signal);
  }

  /** Waits for the end of the daemon and of everything that it started; fails where that takes longer than `ms`. */
  async gone(ms = 10_000): Promise<Ended> {
    await eventually('no process is left', () => this.processes().length === 0, ms);
    return this.ended;
  }

  /** Ends everything that it ever started. */
  async destroy(): Promise<void> {
    for (const pid of this.processes()) kill(pid);
    await this.#ended;
    for (const pid of this.processes()) kill(pid);
  }

  /** The pids of its processes, those of workers that lost their supervisor and of a private target daemon included. */
  processes(): number[] {
    return processesOf((environment, session) => {
      return this.#groups.includes(session) || environment.includes(`TGT_IPC_SOCKET=${this.folder}/`);
    });
  }
}

export const program = join(repository, 'bin/volume-daemon');

/** Runs the program with any words, in `cwd`. */
export function runProgram(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
  { cwd, file = program }: { cwd?: string; file?: string } = {},
): { readonly child: ChildProcess; readonly result: Promise<CommandResult> } {
  const child = spawn(process.execPath, [file, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    ...(cwd !== undefined && { cwd }),
  });
  const printed = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      printed[stream] += text;
    });
  }
  const result = once(child, 'close').then(([code]) => ({ code: code as number | null, ...printed }));
  return { child, result };
}

function kill(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}

function processesOf(matches: (environment: string, session: number) => boolean): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const [state, , , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return state !== 'Z' && matches(readFileSync(`/proc/${pid}/environ`, 'utf8'), Number(session));
      } catch {
        return false;
      }
    });
}
