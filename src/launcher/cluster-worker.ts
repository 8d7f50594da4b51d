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

/**
 * Forks a worker of the cluster and tells it what to be. `onMessage` gets what it says, for as long as it lives. Options
 * such as V8's leave the environment alone, and no descriptor but the standard ones is inherited.
 */
export function forkWorker(
  program: WorkerProgram,
  start: object,
  env: Readonly<Record<string, string>>,
  onMessage: (message: unknown, pid: number) => void,
): Child {
  cluster.setupPrimary({
    exec: program.exec,
    execArgv: [...program.execArgv],
    args: [titleRoom],
    serialization: 'json',
  });
  const worker = cluster.fork(env);
  const pid = worker.process.pid;
  if (pid === undefined) throw new Error(`${program.exec} could not be started`);
  worker.on('message', (message: unknown) => onMessage(message, pid));
  worker.on('error', () => {});
  const exited = new Promise<Exit>((resolve) => {
    worker.on('exit', (code: number | null, signal: string | null) => resolve(exitOf(code, signal)));
  });
  worker.send(start);
  return {
    pid,
    exited,
    kill: (signal) => void worker.process.kill(signal),
    send(message) {
      return worker.isConnected() && worker.send(message);
    },
  };
}

/** The cluster gives a signal as an empty or null text when there was none. */
function exitOf(code: number | null, signal: string | null): Exit {
  return signal ? { code: null, signal: signal as NodeJS.Signals } : { code, signal: null };
}
