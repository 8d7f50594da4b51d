import cluster from 'node:cluster';
import type { Child, Exit } from './child.ts';

/** How workers are started: the program, the options of Node itself, and the room that a process title needs (L-003). */
export interface WorkerProgram {
  /** Path of the worker's entry file. */
  readonly exec: string;
  readonly execArgv: readonly string[];
}

/** `process.title` can be no longer than the command line it overwrites: this argument makes the room. */
const titleRoom = 'cinder-volume'.padEnd(128, ' ');

/** The first word of a worker: it listens. What is sent before is lost, since the cluster itself takes it. */
export const hello = { kind: 'hello' } as const;

/**
 * Forks a worker of the cluster and, when it listens, tells it what to be: `start` is asked only then. `onMessage` gets
 * what it says, for as long as it lives.
 */
export function forkWorker(
  program: WorkerProgram,
  start: () => object | Promise<object>,
  onMessage: (message: unknown, pid: number) => void,
): Child {
  cluster.setupPrimary({
    exec: program.exec,
    execArgv: [...program.execArgv],
    args: [titleRoom],
    serialization: 'json',
  });
  const worker = cluster.fork();
  const pid = worker.process.pid;
  if (pid === undefined) throw new Error(`${program.exec} could not be started`);
  let started = false;
  const send = (message: object): boolean => started && worker.isConnected() && worker.send(message);
  const begin = async (): Promise<void> => {
    const message = await start();
    started = true;
    send(message);
  };
  worker.on('message', (message: { readonly kind?: unknown }) => {
    if (message.kind !== hello.kind) onMessage(message, pid);
    else begin().catch(() => worker.process.kill('SIGKILL'));
  });
  // A send to a worker that has just ended fails; its exit tells all there is to tell.
  worker.on('error', () => {});
  const exited = new Promise<Exit>((resolve) => {
    worker.on('exit', (code: number | null, signal: string | null) => resolve(exitOf(code, signal)));
  });
  return { pid, exited, kill: (signal) => void worker.process.kill(signal), send };
}

/** The cluster gives a signal as an empty or null text when there was none. */
function exitOf(code: number | null, signal: string | null): Exit {
  return signal ? { code: null, signal: signal as NodeJS.Signals } : { code, signal: null };
}
