import cluster from 'node:cluster';
import { once } from 'node:events';
import { messageOf } from './base/errors.ts';
import { type ImportModule, importModulesBy } from './base/load-module.ts';
import { hello } from './launcher/cluster-worker.ts';
import type { OpenLog } from './log/oslo-log.ts';
import type { FromWorker, ToWorker } from './supervisor/messages.ts';
import { idle, type Role } from './worker-role.ts';

/** What was said while the role was being made: the broker may have begun to listen meanwhile. */
const unheard: ToWorker[] = [];

let role: Role = { ...idle, hear: (message) => void unheard.push(message) };
let ending: Promise<void> | undefined;
let openedLog: OpenLog | undefined;

/** Runs this process as a worker: what it is to do comes as the first message of its supervisor. */
export async function runWorker(importModule: ImportModule): Promise<void> {
  importModulesBy(importModule);
  trapSignals();
  process.title = 'cinder-volume: worker';
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  cluster.worker?.on('disconnect', () => {
    // Node would end this process with 0 as soon as this listener returns, were it not for this word (L-062).
    if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true;
    end(() => role.orphaned());
  });
  const begun = once(process, 'message');
  process.send?.(hello);
  const [first] = (await begun) as [ToWorker];
  try {
    if (first.kind === 'start') role = await begin(first);
    for (const message of unheard) role.hear(message);
  } catch (error) {
    const stack = error instanceof Error ? (error.stack ?? '') : '';
    await tell({ kind: 'failed', message: messageOf(error), stack });
    end(async () => 1);
  }
}

/** Each role is loaded by the process that plays it. */
async function begin(start: ToWorker & { readonly kind: 'start' }): Promise<Role> {
  const worker = { tell, end, exit, logTo };
  if (start.role === 'broker') return (await import('./broker-role.ts')).brokerRole(start, worker);
  return (await import('./volume-role.ts')).volumeRole(start, worker);
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

function logTo(log: OpenLog): void {
  openedLog = log;
  process.on('warning', log.warning);
}

/** An error that reached nobody: told in both of upstream's lines, and the supervisor starts a fresh worker (L-021). */
function fail(error: unknown): void {
  openedLog?.logs('oslo_service.service').exception(error, 'Unhandled exception');
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
