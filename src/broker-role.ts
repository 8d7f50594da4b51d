import { version } from './base/version.ts';
import { startBroker } from './broker/broker.ts';
import { load } from './config/load.ts';
import { schema } from './service/schema.ts';
import type { BrokerStart } from './supervisor/messages.ts';
import { idle, openWorkerLog, type Role, type WorkerProcess } from './worker-role.ts';

/** Runs the embedded broker. It keeps nothing, so it ends at once whenever it is to (M-60). */
export async function brokerRole(start: BrokerStart, worker: WorkerProcess): Promise<Role> {
  process.title = 'cinder-volume: broker';
  const log = await openWorkerLog(worker, load(start.sources, schema), { role: 'broker' });
  const own = log.logs('oslo_service.service');
  const { host, user, password } = start;
  const logger = log.logs('cinder.broker');
  let last: unknown;
  for (const port of start.ports) {
    try {
      const broker = await startBroker({ host, port, user, password, logger, version });
      await worker.tell({ kind: 'listening', address: { host, port: broker.port, user, password } });
      const stop = (): Promise<number> => broker.close().then(() => 0);
      return {
        ...idle,
        ignoresTerm: true,
        stop,
        hear(message) {
          if (message.kind === 'stop') worker.end(stop);
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
