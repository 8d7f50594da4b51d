import cluster from 'node:cluster';
import { once } from 'node:events';
import { messageOf } from './base/errors.ts';
import { silent, withLogContext } from './base/log.ts';
import { version } from './base/version.ts';
import { startBroker } from './broker/broker.ts';
import { type Configuration, load } from './config/load.ts';
import { rereadSources } from './config/sources.ts';
import { rootHelper, rootHelperOptions } from './exec/root-helper.ts';
import { createExecutor } from './exec/run.ts';
import { daemonGroup, serviceGroup } from './interface/daemon-options.ts';
import type { Executor } from './interface/executor.ts';
import { hello } from './launcher/cluster-worker.ts';
import { loadInstrumentation } from './launcher/instrumentation.ts';
import { type OpenLog, openLog } from './log/oslo-log.ts';
import type { BrokerAddress } from './messaging/connection-plan.ts';
import { adminContext } from './objects/context.ts';
import { logValuesOf, schema } from './service/schema.ts';
import { VolumeService } from './service/volume-service.ts';
import type { BrokerStart, FromWorker, ToWorker, VolumeStart } from './supervisor/messages.ts';
import { writeReport } from './supervisor/report.ts';

/** What a worker is before it is told. */
interface Role {
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

/** What was said while the role was being made: the broker may have begun to listen meanwhile. */
const unheard: ToWorker[] = [];

const idle: Role = {
  stop: async () => 0,
  reload() {},
  report() {},
  orphaned: async () => 1,
  say() {},
  hear: (message) => void unheard.push(message),
};

let role = idle;
let ending: Promise<void> | undefined;
let openedLog: OpenLog | undefined;

trapSignals();
process.title = 'cinder-volume: worker';
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);
cluster.worker?.on('disconnect', () => end(() => role.orphaned()));
const begun = once(process, 'message');
process.send?.(hello);
const [first] = (await begun) as [ToWorker];
try {
  if (first.kind === 'start') role = first.role === 'broker' ? await brokerRole(first) : await volumeRole(first);
  for (const message of unheard) role.hear(message);
} catch (error) {
  await tell({ kind: 'failed', message: messageOf(error), stack: error instanceof Error ? (error.stack ?? '') : '' });
  end(async () => 1);
}

/** Signals first of all: Node's own answer to most of them is death (L-178, L-114). */
function trapSignals(): void {
  process.on('SIGTERM', () => {
    if (role.ignoresTerm !== true) end(() => role.stop());
  });
  process.on('SIGINT', () => {
    role.say('Caught SIGINT signal, instantaneous exiting');
    exit(1);
  });
  process.on('SIGHUP', () => role.reload());
  process.on('SIGUSR1', () => {});
  process.on('SIGUSR2', () => role.report());
  process.on('message', (message: ToWorker) => role.hear(message));
}

/** Ends the process, once: a second SIGTERM changes nothing (L-172). */
function end(how: () => Promise<number>): void {
  if (ending !== undefined) return;
  ending = how().then(exit, fail);
}

function exit(code: number): void {
  openedLog?.flush();
  process.exit(code);
}

/** An error that reached nobody: told, and the supervisor starts a fresh worker (L-021). */
function fail(error: unknown): void {
  openedLog?.logs('cinder').log('CRITICAL', { error }, 'Unhandled error');
  if (openedLog === undefined) process.stderr.write(`cinder-volume: ${messageOf(error)}\n`);
  exit(2);
}

function tell(message: FromWorker): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, () => resolve());
  });
}

async function openLogFor(
  configuration: Configuration,
  identity: { role: 'worker' | 'broker'; serviceHost?: string },
): Promise<OpenLog> {
  const executor = async (): Promise<Executor> => executorFor(configuration, undefined);
  const log = await openLog(logValuesOf(configuration), { program: 'cinder-volume', version, executor, ...identity });
  process.on('warning', log.warning);
  openedLog = log;
  return log;
}

function executorFor(configuration: Configuration, log: OpenLog | undefined): Executor {
  return createExecutor({
    environment: process.env,
    rootHelper: rootHelper(configuration.values({ group: 'DEFAULT', options: rootHelperOptions })),
    logger: log?.logs('oslo_concurrency.processutils') ?? silent,
  });
}

/** Runs one backend. */
async function volumeRole(start: VolumeStart): Promise<Role> {
  const { host, backend } = start;
  process.title = `cinder-volume: worker ${host}`;
  let configuration = load(start.sources, schema);
  const log = await openLogFor(configuration, { role: 'worker', serviceHost: host });
  const own = log.logs('oslo_service.service');
  let listening: (address: BrokerAddress) => void = () => {};
  const broker =
    start.broker === undefined
      ? undefined
      : new Promise<BrokerAddress>((resolve) => {
          if (start.broker) resolve(start.broker);
          listening = resolve;
        });
  const { monkey_patch, monkey_patch_modules } = configuration.values(serviceGroup);
  if (monkey_patch) {
    const about = { role: 'worker' as const, serviceHost: host, config: configuration.values(serviceGroup) };
    await loadInstrumentation(monkey_patch_modules, about, log.logs);
  }
  const service = new VolumeService({
    configuration,
    backend,
    host,
    target: start.target,
    services: start.services,
    broker,
    drained: start.drained,
    log,
    exec: executorFor(configuration, log),
    tell: (report, nextTry) => void tell({ kind: 'report', report, nextTry }),
  });
  const adopt = async (next: Configuration): Promise<void> => {
    own.info('Child caught %s, handling', 'SIGHUP');
    log.reopen();
    configuration = next;
    await log.reconfigure(logValuesOf(next));
    await service.reset(next);
  };
  const reset = (read: () => Configuration): void => {
    void (async () => adopt(read()))().catch((error: unknown) => {
      own.error('Configuration reload failed, keeping the running configuration: %s', messageOf(error));
    });
  };
  withLogContext(adminContext(), () => service.run()).catch(async (error: unknown) => {
    const stack = error instanceof Error ? (error.stack ?? '') : '';
    await tell({ kind: 'failed', message: messageOf(error), stack });
    end(async () => 1);
  });
  const closed = (code: number): Promise<number> => service.close().then(() => code);
  return {
    stop: () => closed(0),
    reload: () => reset(() => load(rereadSources(configuration.sources), schema).orThrow()),
    report: () => {
      const source = { configuration, operations: service.running(), connections: service.connections() };
      writeReport('cinder-volume', source, (text) => process.stderr.write(text));
    },
    say: (line) => own.info(line),
    async orphaned() {
      own.log('INFO', { event: 'parent.died' }, 'Parent process has died unexpectedly, exiting');
      const { orphan_grace } = configuration.values(daemonGroup);
      const late = setTimeout(() => exit(1), orphan_grace * 1000);
      return closed(1).finally(() => clearTimeout(late));
    },
    hear(message) {
      if (message.kind === 'broker') listening(message.address);
      if (message.kind === 'reload') reset(() => load(message.sources, schema));
      if (message.kind === 'drain') service.drain(message.on);
      if (message.kind === 'reinit') service.reinit();
    },
  };
}

/** Runs the embedded broker. It keeps nothing, so it ends at once whenever it is to (M-60). */
async function brokerRole(start: BrokerStart): Promise<Role> {
  process.title = 'cinder-volume: broker';
  const log = await openLogFor(load(start.sources, schema), { role: 'broker' });
  const own = log.logs('oslo_service.service');
  const { host, user, password } = start;
  const logger = log.logs('cinder.broker');
  let last: unknown;
  for (const port of start.ports) {
    try {
      const broker = await startBroker({ host, port, user, password, logger, version });
      await tell({ kind: 'listening', address: { host, port: broker.port, user, password } });
      return {
        ...idle,
        ignoresTerm: true,
        stop: () => broker.close().then(() => 0),
        hear(message) {
          if (message.kind === 'stop') end(() => role.stop());
        },
        say: (line) => own.info(line),
        reload: () => log.reopen(),
      };
    } catch (error) {
      last = error;
    }
  }
  logger.exception(last, 'The embedded broker cannot listen on %s', host);
  throw last;
}
