import type { Executor, StartOptions } from '../interface/executor.ts';
import type { Job } from '../launcher/child.ts';
import { forkWorker, type WorkerProgram } from '../launcher/cluster-worker.ts';
import type { ServiceHost } from '../objects/host.ts';
import type { BrokerStart, FromWorker, ToWorker, VolumeStart } from './messages.ts';

/** Gets what a child says, with its pid: a child that was replaced may still say something. */
type Listener = (message: FromWorker, pid: number) => void;

/** The worker of one backend. `start` is asked at each start, so that a respawn gets what holds by then. */
export function volumeJob(
  program: WorkerProgram,
  name: string,
  host: ServiceHost,
  start: () => Promise<VolumeStart>,
  listen: Listener,
): Job {
  return {
    name,
    label: host,
    infrastructure: false,
    spawn: async () => forkWorker(program, start, (message, pid) => listen(message as FromWorker, pid)),
  };
}

export const brokerJobName = 'embedded broker';

/**
 * The embedded broker, a process of its own (M-60). It ends when it is told, and not by a SIGTERM that was meant for the
 * whole group: the workers need it to the end of their operations (O-01).
 */
export function brokerJob(program: WorkerProgram, start: () => Promise<BrokerStart>, listen: Listener): Job {
  return {
    name: brokerJobName,
    label: 'broker',
    infrastructure: true,
    // One that has not heard yet what it is to be has nobody to wait for.
    end: (child) => void (child.send({ kind: 'stop' } satisfies ToWorker) || child.kill('SIGTERM')),
    spawn: async () => forkWorker(program, start, (message, pid) => listen(message as FromWorker, pid)),
  };
}

const targetJobName = 'target daemon';

/** A private target daemon. It ignores SIGTERM while it has targets, and has nothing to lose: SIGKILL ends it. */
export function targetJob(
  exec: Executor,
  { file, args, options }: { file: string; args: readonly string[]; options: StartOptions },
): Job {
  return {
    name: targetJobName,
    label: 'tgtd',
    infrastructure: true,
    end: (child) => child.kill('SIGKILL'),
    async spawn() {
      const program = await exec.start(file, args, options);
      const { pid, exited } = program;
      return { pid, exited, kill: (signal) => program.kill(signal), send: () => false };
    },
  };
}
