import { silent } from './base/log.ts';
import { version } from './base/version.ts';
import type { Configuration } from './config/load.ts';
import { rootHelper, rootHelperOptions } from './exec/root-helper.ts';
import { createExecutor } from './exec/run.ts';
import type { Executor } from './interface/executor.ts';
import { type OpenLog, openLog } from './log/oslo-log.ts';
import { logValuesOf } from './service/schema.ts';
import type { FromWorker, ToWorker } from './supervisor/messages.ts';

/** What a worker is. */
export interface Role {
  /** SIGTERM is not for it: it ends when its supervisor says so, or is gone. */
  readonly ignoresTerm?: true;
  /** SIGTERM: lets operations end; resolves to the exit status. */
  stop(): Promise<number>;
  /** SIGHUP to this process alone. */
  reload(): void;
  /** SIGUSR2. */
  report(): void;
  /** The supervisor is gone: resolves to the exit status. */
  orphaned(): Promise<number>;
  /** Logs a line just before the exit. */
  say(line: string): void;
  hear(message: ToWorker): void;
}

/** What a worker is before it is told, and what a role has no answer of its own for. */
export const idle: Role = {
  stop: async () => 0,
  reload() {},
  report() {},
  orphaned: async () => 1,
  say() {},
  hear() {},
};

/** The process as its role sees it. */
export interface WorkerProcess {
  /** Resolves when the supervisor has it, or is gone. */
  tell(message: FromWorker): Promise<void>;
  /** Ends the process with the status that `how` resolves to; the first call counts. */
  end(how: () => Promise<number>): void;
  /** Ends it now; the log is flushed. */
  exit(code: number): void;
  /** The log is open: from here on it is flushed at the end, and gets what reached nobody. */
  logTo(log: OpenLog): void;
}

/** Opens the log of a worker. Commands that the log itself needs run by an executor without a log. */
export async function openWorkerLog(
  worker: WorkerProcess,
  configuration: Configuration,
  identity: { role: 'worker' | 'broker'; serviceHost?: string },
): Promise<OpenLog> {
  const executor = async (): Promise<Executor> => executorFor(configuration, undefined);
  const log = await openLog(logValuesOf(configuration), { program: 'cinder-volume', version, executor, ...identity });
  worker.logTo(log);
  return log;
}

export function executorFor(configuration: Configuration, log: OpenLog | undefined): Executor {
  return createExecutor({
    environment: process.env,
    rootHelper: rootHelper(configuration.values({ group: 'DEFAULT', options: rootHelperOptions })),
    logger: log?.logs('oslo_concurrency.processutils') ?? silent,
  });
}
