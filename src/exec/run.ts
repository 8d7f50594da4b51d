import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import {
  type Executor,
  ProcessExecutionError,
  type RunningProgram,
  type RunOptions,
  type RunResult,
  type StartOptions,
} from '../interface/executor.ts';
import { commandLine, masked } from './command-line.ts';
import { Output } from './output.ts';
import { findProgram, searchPath } from './search-path.ts';

export interface ExecutorSettings {
  /** What children inherit, apart from `LC_ALL` and a `PATH` that is completed with the system's folders. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What stands before a command that needs root while we are not (S-50). */
  readonly rootHelper: readonly string[];
  /** `oslo_concurrency.processutils`, whose lines operators know (G-091). */
  readonly logger: Logger;
  /** Milliseconds from SIGTERM to SIGKILL; 3000 by default. */
  readonly grace?: number;
  /** Our user id; the process's by default. */
  readonly uid?: number;
}

/** The door to other programs. Holds nothing open by itself. */
export function createExecutor(settings: ExecutorSettings): Executor {
  const { logger, rootHelper, grace = 3000, uid = process.getuid?.() ?? 0 } = settings;
  const path = searchPath(settings.environment['PATH']);
  let politeness: Promise<readonly string[]> | undefined;

  const find = (file: string): Promise<string | undefined> => findProgram(file, path);

  async function wordsOf(file: string, args: readonly string[], options: RunOptions): Promise<readonly string[]> {
    const root = options.asRoot === true && uid !== 0 ? rootHelper : [];
    if (options.background === true) politeness ??= politePrefix(find);
    const polite = (options.background && (await politeness)) || [];
    return [...polite, ...(await limitPrefix(options.limits, find)), ...root, file, ...args];
  }

  function start(words: readonly string[], env: RunOptions['env'], stdio: SpawnOptions['stdio']): ChildProcess {
    const [file = '', ...args] = words;
    // A process group of its own: an abort reaches grandchildren too, and Ctrl-C on the terminal does not reach any.
    return spawn(file, args, {
      env: { ...settings.environment, PATH: path, LC_ALL: 'C', ...env },
      stdio: stdio ?? 'ignore',
      detached: true,
    });
  }

  /** What cannot be started is told apart from what failed: such an error has no exit code. */
  async function attempt<T>(words: readonly string[], command: string, starting: () => Promise<T>): Promise<T> {
    try {
      return await starting();
    } catch (cause) {
      // A folder of the search path that we may not enter makes the kernel say EACCES for what is nowhere.
      const isThere = (await find(words[0] ?? '')) !== undefined;
      const why = isThere
        ? `Cannot be started: ${messageOf(cause)}.`
        : 'The program is not installed, or not on the search path.';
      throw new ProcessExecutionError({ command, description: why }, { cause });
    }
  }

  return {
    find,

    async run(file, args, options = {}) {
      options.signal?.throwIfAborted();
      const words = await wordsOf(file, args, options);
      const line = commandLine(words, options.secrets);
      logger.debug('Running cmd (subprocess): %s', line);
      const began = performance.now();
      const stdin = options.input === undefined ? 'ignore' : 'pipe';
      const end = await attempt(words, line, () =>
        finish(start(words, options.env, [stdin, 'pipe', 'pipe']), options, grace),
      );
      const seconds = (performance.now() - began) / 1000;
      logger.debug('CMD "%s" returned: %s in %0.3fs', line, end.exitCode, seconds);
      if (end.stopped === 'abort') throw options.signal?.reason;
      if (end.stopped !== undefined || !(options.exitCodes ?? [0]).includes(end.exitCode)) {
        throw failure(line, end, options, seconds);
      }
      return { exitCode: end.exitCode, stdout: end.stdout, stderr: end.stderr };
    },

    async start(file, args, options: StartOptions = {}) {
      const words = await wordsOf(file, args, options);
      const line = commandLine(words, options.secrets);
      logger.debug('Running cmd (subprocess): %s', line);
      const output = options.output === undefined ? 'ignore' : openSync(options.output, 'a', 0o600);
      try {
        return await attempt(words, line, async () => {
          const child = start(words, options.env, ['pipe', output, output]);
          await once(child, 'spawn');
          return runningProgram(child);
        });
      } finally {
        if (typeof output === 'number') closeSync(output);
      }
    },
  };
}

interface End extends RunResult {
  readonly stopped: 'abort' | 'timeout' | 'output' | undefined;
}

/** Waits until the child has ended and its output is read; stops it when it must not go on. */
function finish(child: ChildProcess, options: RunOptions, grace: number): Promise<End> {
  return new Promise((resolve, reject) => {
    const timers: NodeJS.Timeout[] = [];
    let stopped: End['stopped'];
    const stop = (why: NonNullable<End['stopped']>): void => {
      if (stopped !== undefined) return;
      stopped = why;
      signalGroup(child, 'SIGTERM');
      timers.push(setTimeout(() => signalGroup(child, 'SIGKILL'), grace));
    };
    const limit = options.maxOutput ?? 64 * 2 ** 20;
    const stdout = new Output(child.stdout, limit, () => stop('output'), options.onStdout);
    const stderr = new Output(child.stderr, 2 ** 20);

    const onAbort = (): void => stop('abort');
    options.signal?.addEventListener('abort', onAbort, { once: true });
    if (options.timeout !== undefined) timers.push(setTimeout(() => stop('timeout'), options.timeout));
    if (options.signal?.aborted) onAbort();

    const settle = (): void => {
      for (const timer of timers) clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
    };
    child.once('error', (error) => {
      if (child.pid !== undefined) return;
      settle();
      reject(error);
    });
    child.once('exit', () => {
      if (stopped !== undefined) signalGroup(child, 'SIGKILL');
      // What the child left running may hold its output open; whoever asked waits for the child only.
      timers.push(setTimeout(() => [child.stdout, child.stderr].map((stream) => stream?.destroy()), 2000));
    });
    child.once('close', (code, signal) => {
      settle();
      resolve({ exitCode: exitCodeOf(code, signal), stdout: stdout.text(), stderr: stderr.text(), stopped });
    });
    // A child that ends without reading its input breaks the pipe; its exit code says what is to be said.
    child.stdin?.on('error', () => {});
    if (options.input !== undefined) child.stdin?.end(options.input);
  });
}

/** Python's way: a child that a signal ended has the negative number of it. */
function exitCodeOf(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? (signal === null ? -1 : -constants.signals[signal]);
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // ESRCH: nobody left. EPERM: it runs as root by the root helper, and has to come to its end by itself.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

function failure(command: string, end: End, options: RunOptions, seconds: number): ProcessExecutionError {
  const description = {
    timeout: `Stopped: it ran for ${seconds.toFixed(1)} s, longer than allowed.`,
    output: 'Stopped: it wrote more output than allowed.',
    abort: 'Stopped.',
    '': 'Unexpected error while running command.',
  }[end.stopped ?? ''];
  return new ProcessExecutionError({
    command,
    exitCode: end.exitCode,
    stdout: masked(end.stdout, options.secrets),
    stderr: masked(end.stderr, options.secrets),
    description,
  });
}

function runningProgram(child: ChildProcess): RunningProgram {
  const { pid } = child;
  if (pid === undefined) throw new Error('a child that runs has a pid');
  let writable = true;
  child.stdin?.on('error', () => {
    writable = false;
  });
  return {
    pid,
    exited: new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        writable = false;
        resolve({ code, signal });
      });
    }),
    write: (text) => writable && child.stdin?.write(text) === true,
    end: () => void child.stdin?.end(),
    kill: (signal) => signalGroup(child, signal),
  };
}

/** What makes a bulk command stand back and end with us, as far as this machine has the programs for it. */
async function politePrefix(find: Executor['find']): Promise<readonly string[]> {
  const programs = [
    ['setpriv', '--pdeathsig', 'KILL'],
    ['nice', '-n', '10'],
    ['ionice', '-c', '2', '-n', '7'],
  ];
  const found = await Promise.all(programs.map(([program = '']) => find(program)));
  return programs.flatMap((words, index) => (found[index] === undefined ? [] : words));
}

/** What holds a command to its limits (upstream's `oslo_concurrency.prlimit`). */
async function limitPrefix(limits: RunOptions['limits'], find: Executor['find']): Promise<readonly string[]> {
  if (limits === undefined || (await find('prlimit')) === undefined) return [];
  return ['prlimit', `--cpu=${limits.cpuSeconds}`, `--as=${limits.addressSpace}`];
}
