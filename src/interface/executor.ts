import { CinderError } from '../base/errors.ts';

export interface RunOptions {
  /**
   * Aborting sends SIGTERM to the child and its children, and SIGKILL after a grace; `run` then rejects with the signal's
   * reason once they are gone.
   */
  readonly signal?: AbortSignal;
  /** Milliseconds after which the child is stopped as by an abort, and ProcessExecutionError says so. */
  readonly timeout?: number;
  /** Run by the configured root helper (S-50); without effect when the daemon is root. */
  readonly asRoot?: boolean;
  /** Added to the environment, which has `LC_ALL=C`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Written to the child's standard input; otherwise that is empty. */
  readonly input?: string;
  /** Exit codes that are an answer and no failure; 0 by default. */
  readonly exitCodes?: readonly number[];
  /** Words of the command that no log line and no error may show: they become `***`. Other users still see arguments. */
  readonly secrets?: readonly string[];
  /** For bulk work: low CPU and I/O priority, and the kernel ends the child when this process dies, however it dies. */
  readonly background?: boolean;
  /** What the child may use at most; a kernel that ends it for that makes it fail. Without `prlimit` nothing is limited. */
  readonly limits?: { readonly cpuSeconds: number; readonly addressSpace: number };
  /** Bytes of output beyond which the child is stopped with ProcessExecutionError; 64 MiB by default. */
  readonly maxOutput?: number;
  /** Gets each chunk of standard output as it comes: for programs that report their progress. */
  readonly onStdout?: (text: string) => void;
}

export interface RunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartOptions extends Pick<RunOptions, 'env' | 'asRoot' | 'secrets'> {
  /** File that its output is appended to (mode 0600); otherwise nobody sees it. */
  readonly output?: string;
}

/** A program that goes on running, such as a target daemon. It outlives a killed parent. */
export interface RunningProgram {
  readonly pid: number;
  /** Resolves when it has ended; never rejects. Exactly one of the two is not null. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** Writes to its standard input; false when the program has fallen behind or has ended. */
  write(text: string): boolean;
  /** Closes its standard input: a filter then reads what is left and ends by itself. */
  end(): void;
  kill(signal: NodeJS.Signals): void;
}

/**
 * The only door to other programs: an argument list and never a shell string. Each command is logged at DEBUG before and
 * after, with its secrets masked (G-091).
 */
export interface Executor {
  /** Runs a program to its end. Rejects with ProcessExecutionError for another exit code than those expected. */
  run(file: string, args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Starts a program and leaves it running. Rejects with ProcessExecutionError when it cannot be started. */
  start(file: string, args: readonly string[], options?: StartOptions): Promise<RunningProgram>;
  /** Where a program stands on the search path; undefined when it is not installed. */
  find(file: string): Promise<string | undefined>;
}

/** A program that ended otherwise than expected, was stopped, or could not be started (then `exitCode` is undefined). */
export class ProcessExecutionError extends CinderError {
  override readonly module = 'oslo_concurrency.processutils';
  readonly command: string;
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;

  constructor(
    failed: { command: string; exitCode?: number; stdout?: string; stderr?: string; description?: string },
    options?: ErrorOptions,
  ) {
    const {
      command,
      exitCode,
      stdout = '',
      stderr = '',
      description = 'Unexpected error while running command.',
    } = failed;
    const lines = [description, `Command: ${command}`, `Exit code: ${exitCode ?? '-'}`];
    super([...lines, `Stdout: ${quoted(stdout)}`, `Stderr: ${quoted(stderr)}`].join('\n'), {}, options);
    this.command = command;
    this.exitCode = exitCode;
    this.stdout = stdout;
    this.stderr = stderr;
  }
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 2000 ? `${text.slice(0, 2000)}…` : text);
}
