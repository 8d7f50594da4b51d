import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silent, withLogContext } from './base/log.ts';
import { version } from './base/version.ts';
import type { Environment } from './cli/environment.ts';
import { sourcesFor } from './cli/request-sources.ts';
import type { ServeRequest } from './cli/serve-request.ts';
import { type Configuration, load } from './config/load.ts';
import { rootHelper, rootHelperOptions } from './exec/root-helper.ts';
import { createExecutor } from './exec/run.ts';
import { reportGroup, serviceGroup } from './interface/daemon-options.ts';
import { type DaemonStatus, isUp } from './interface/daemon-status.ts';
import type { Executor } from './interface/executor.ts';
import { isForeground } from './launcher/processes.ts';
import { type OpenLog, openLog } from './log/oslo-log.ts';
import { rpcOptions } from './messaging/options.ts';
import { transportUrlOf } from './messaging/transport-url.ts';
import { adminContext } from './objects/context.ts';
import { logValuesOf, schema } from './service/schema.ts';
import { watchReportFile, writeReport } from './supervisor/report.ts';
import { Supervisor } from './supervisor/supervisor.ts';

/** The signals that main has trapped before anything else; `to` is where they go from now on. */
export interface Signals {
  to(handler: (signal: NodeJS.Signals) => void): void;
}

/** Runs the daemon: reads the configuration, opens the log, supervises. Resolves to the exit status. */
export async function serve(request: ServeRequest, environment: Environment, signals: Signals): Promise<number> {
  // Whatever name it was started by: health checks look for `cinder-volume` (L-002, L-003).
  process.title = 'cinder-volume: supervisor';
  const sources = sourcesFor(request, environment);
  const configuration = load(sources, schema).orThrow();
  if (!hasBackends(configuration) && sources.files.length === 0) {
    const looked = `no configuration file in ${sources.searched.join(', ')}`;
    environment.stderr.write(`volume-daemon: ${looked}; 'volume-daemon --embedded' runs without one\n`);
  }
  const log = await openLogFor(configuration, environment);
  process.on('warning', log.warning);
  const fail = (error: unknown): void => {
    log.logs('cinder').log('CRITICAL', { error }, 'Unhandled error');
    log.flush();
    process.exit(1);
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  return withLogContext(adminContext(), async () => {
    const supervisor = new Supervisor({
      configuration,
      log,
      exec: executorFor(configuration, environment, log),
      systemd: takeSystemd(environment.env),
      workerProgram: { exec: fileURLToPath(new URL('./start-worker.cjs', import.meta.url)), execArgv: workerOptions() },
      ignored: request.ignored,
      settled: (status) => announce(status, request, environment, configuration, log),
    });
    const report = (): void => reportOf(supervisor, environment);
    signals.to((signal) => handle(signal, supervisor, log, environment, report));
    const watch = watchReportFile(configuration.values(reportGroup), report);
    try {
      return await supervisor.run();
    } catch (error) {
      log.logs('cinder').log('CRITICAL', { error }, 'Unhandled error');
      throw error;
    } finally {
      watch.close();
      await log.close();
    }
  });
}

/** What each signal means to the supervisor (lifecycle.md §17.1). */
function handle(
  signal: NodeJS.Signals,
  supervisor: Supervisor,
  log: OpenLog,
  environment: Environment,
  report: () => void,
): void {
  switch (signal) {
    case 'SIGTERM':
      supervisor.stop('SIGTERM');
      return;
    case 'SIGHUP':
      if (isForeground(environment.stdout.isTTY === true)) supervisor.stop('SIGHUP');
      else {
        log.logs('oslo_service.service').info('Caught %s, stopping children', 'SIGHUP');
        void supervisor.reload();
      }
      return;
    case 'SIGINT':
    case 'SIGALRM':
      supervisor.interrupt(
        signal === 'SIGINT'
          ? 'Caught SIGINT signal, instantaneous exiting'
          : 'Graceful shutdown timeout exceeded, instantaneous exiting',
      );
      log.flush();
      process.exit(1);
      break;
    case 'SIGUSR2':
      // The file takes the place of the signal (L-191).
      if (supervisor.configuration.values(reportGroup).file_event_handler === undefined) report();
      return;
    default:
      return;
  }
}

/** The report of the supervisor; the operations are those that its workers have told of. */
function reportOf(supervisor: Supervisor, environment: Environment): void {
  const { configuration } = supervisor;
  const status = supervisor.status();
  const operations = status.backends.flatMap(({ inflight }) => inflight);
  const connections = [`database = ${status.database}`, `broker = ${status.broker.address}`];
  const write = (text: string): unknown => environment.stderr.write(text);
  writeReport('cinder-volume', { configuration, operations, connections, status }, write);
}

/** V8 keeps its heap small in workers: a third of the memory for a speed that the database sets (ecosystem.md §2). */
function workerOptions(): string[] {
  return [...process.execArgv, '--optimize-for-size'];
}

function hasBackends(configuration: Configuration): boolean {
  return configuration.backends.length > 0;
}

function openLogFor(configuration: Configuration, environment: Environment): Promise<OpenLog> {
  const executor = async (): Promise<Executor> => executorFor(configuration, environment, undefined);
  const identity = { program: 'cinder-volume', role: 'supervisor', version, executor } as const;
  return openLog(logValuesOf(configuration), identity);
}

function executorFor(configuration: Configuration, environment: Environment, log: OpenLog | undefined): Executor {
  return createExecutor({
    environment: environment.env,
    rootHelper: rootHelper(configuration.values({ group: 'DEFAULT', options: rootHelperOptions })),
    logger: log?.logs('oslo_concurrency.processutils') ?? silent,
  });
}

/** systemd's variables, taken out of the environment so that no child inherits them (L-200). */
function takeSystemd(env: Record<string, string | undefined>) {
  const taken = { socket: env['NOTIFY_SOCKET'], watchdogUsec: env['WATCHDOG_USEC'], watchdogPid: env['WATCHDOG_PID'] };
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
  return taken;
}

/** The last line of a self-contained start, for whoever looks at a terminal or a log: how it went, and what to type next. */
function announce(
  status: DaemonStatus,
  request: ServeRequest,
  environment: Environment,
  configuration: Configuration,
  log: OpenLog,
): void {
  if (transportUrlOf(configuration.values({ group: 'DEFAULT', options: rpcOptions })).kind !== 'embedded') return;
  const { state_path } = configuration.values(serviceGroup);
  const up = status.backends.filter(isUp).length;
  const program = relative(environment.cwd, resolve(process.argv[1] ?? 'volume-daemon'));
  const files = request.items.flatMap((item) => (item.kind === 'file' ? [`--config-file ${item.path}`] : []));
  const options = [...(request.embedded ? ['--embedded'] : []), ...files].join(' ');
  const next =
    up > 0
      ? `next, in another terminal: ${program} volume create ${options} --size 1 --wait demo`
      : `see ${program} backend status ${options}`;
  const count = `${up} of ${status.backends.length} backends up`;
  const text = `running self-contained in ${state_path}, ${count}; ${next}`;
  if (log.usesStdout && environment.stdout.isTTY !== true) log.logs('cinder.cmd.volume').info('%s', text);
  else environment.stdout.write(`volume-daemon: ${text}\n`);
}
