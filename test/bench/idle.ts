import { setTimeout as sleep } from 'node:timers/promises';
import { fileBackend } from '../support/daemon.ts';
import { activityOf, ownProcesses, pssOf, type Row, sum, withDaemon } from './measure.ts';

const seconds = 60;

/** What the daemon costs when nobody asks anything of it: supervisor, broker and four workers. */
export async function* idleRows(): AsyncGenerator<Row> {
  const backends = { file1: fileBackend, file2: fileBackend, file3: fileBackend, file4: fileBackend };
  const { memory, wakeUps, cpu } = await withDaemon({ backends }, async (daemon) => {
    await daemon.startUp();
    await sleep(10_000);
    const pids = ownProcesses(daemon);
    const before = pids.map(activityOf);
    await sleep(seconds * 1000);
    const after = pids.map(activityOf);
    const grown = (of: (activity: ReturnType<typeof activityOf>) => number) =>
      pids.map((_, index) => of(after[index] ?? { wakeUps: 0, cpu: 0 }) - of(before[index] ?? { wakeUps: 0, cpu: 0 }));
    return {
      memory: pids.map(pssOf),
      wakeUps: grown((activity) => activity.wakeUps).map((count) => count / seconds),
      cpu: grown((activity) => activity.cpu).map((ms) => (ms / 1000 / seconds) * 60),
    };
  });
  const average = sum(memory) / memory.length;
  yield { what: 'idle, wake-ups a second of each process', aim: '<= 3', unit: '/s', samples: wakeUps };
  yield { what: 'idle, CPU a minute of each process', aim: '<= 0.02 s', unit: 's', samples: cpu };
  yield { what: 'PSS of supervisor, broker, 4 workers: each', aim: '', unit: 'MB', samples: memory };
  yield { what: 'PSS of supervisor, broker, 4 workers: average', aim: '<= 30 MB', unit: 'MB', samples: [average] };
}
