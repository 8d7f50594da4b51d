import { messageOf } from './base/errors.ts';
import { withLogContext } from './base/log.ts';
import { type Configuration, load } from './config/load.ts';
import { rereadSources } from './config/sources.ts';
import { daemonGroup, serviceGroup } from './interface/daemon-options.ts';
import { loadInstrumentation } from './launcher/instrumentation.ts';
import type { BrokerAddress } from './messaging/connection-plan.ts';
import { adminContext } from './objects/context.ts';
import { NotStarted } from './service/not-started.ts';
import { logValuesOf, schema } from './service/schema.ts';
import { VolumeService } from './service/volume-service.ts';
import type { VolumeStart } from './supervisor/messages.ts';
import { writeReport } from './supervisor/report.ts';
import { executorFor, openWorkerLog, type Role, type WorkerProcess } from './worker-role.ts';

/** Runs one backend. */
export async function volumeRole(start: VolumeStart, worker: WorkerProcess): Promise<Role> {
  const { host, backend } = start;
  process.title = `cinder-volume: worker ${host}`;
  let configuration = load(start.sources, schema);
  const log = await openWorkerLog(worker, configuration, { role: 'worker', serviceHost: host });
  const own = log.logs('oslo_service.service');
  const broker = addressOf(start.broker);
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
    broker: broker.promise,
    drained: start.drained,
    log,
    exec: executorFor(configuration, log),
    tell: (report, nextTry) => void worker.tell({ kind: 'report', report, nextTry }),
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
    if (!(error instanceof NotStarted)) {
      const stack = error instanceof Error ? (error.stack ?? '') : '';
      await worker.tell({ kind: 'failed', message: messageOf(error), stack });
    }
    worker.end(async () => 1);
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
      const late = setTimeout(() => worker.exit(1), orphan_grace * 1000);
      return closed(1).finally(() => clearTimeout(late));
    },
    hear(message) {
      if (message.kind === 'broker') broker.known(message.address);
      if (message.kind === 'reload') reset(() => load(message.sources, schema));
      if (message.kind === 'drain') service.drain(message.on);
      if (message.kind === 'reinit') service.reinit();
    },
  };
}

/** The embedded broker's address: known now, or when it listens; no promise where the configuration names a broker. */
function addressOf(now: BrokerAddress | null | undefined) {
  let known: (address: BrokerAddress) => void = () => {};
  const listening = new Promise<BrokerAddress>((resolve) => {
    known = resolve;
  });
  if (now) known(now);
  return { promise: now === undefined ? undefined : listening, known: (address: BrokerAddress) => known(address) };
}
