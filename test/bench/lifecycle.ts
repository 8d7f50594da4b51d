import { openClient } from '../support/client.ts';
import { type Daemon, fakeBackend, fileBackend } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { type Row, timed, times, withDaemon } from './measure.ts';

/** Start, respawn, stop. */
export async function* lifecycleRows(): AsyncGenerator<Row> {
  const stops: number[] = [];
  const start = await times(7, () =>
    withDaemon({}, async (daemon) => {
      const took = await timed(() => daemon.startUp());
      stops.push(await timed(() => daemon.stop()));
      return took;
    }),
  );
  yield { what: 'exec to two backends up and serving, embedded', aim: '<= 700 ms', unit: 'ms', samples: start };
  yield { what: 'SIGTERM, idle, to exit 0', aim: '<= 300 ms', unit: 'ms', samples: stops };

  const slow = fakeBackend({ fake_construct_delay: 5 });
  const backends = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`slow${index}`, slow]));
  const ten = await times(1, () => withDaemon({ backends }, (daemon) => timed(() => daemon.startUp())));
  yield { what: 'ten backends whose drivers need 5 s each', aim: '<= 6500 ms', unit: 'ms', samples: ten };

  // Each backend is killed once: one that dies again and again waits ever longer for its next worker (L-103).
  const names = Array.from({ length: 7 }, (_, index) => `file${index}`);
  const files = Object.fromEntries(names.map((name) => [name, fileBackend]));
  const again = await withDaemon({ backends: files }, async (daemon) => {
    await daemon.startUp();
    // A worker that has lived for a while is respawned at once.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    return times(names.length, (round) => respawn(daemon, names[round] ?? ''));
  });
  yield { what: 'worker killed to serving again', aim: '<= 400 ms', unit: 'ms', samples: again };
}

/** Kills a worker, and asks by RPC until the next one answers. */
async function respawn(daemon: Daemon, backend: string): Promise<number> {
  const { host, pid } = await daemon.backend(backend);
  const client = await openClient(daemon);
  try {
    return await timed(async () => {
      if (pid !== null) process.kill(pid, 'SIGKILL');
      await eventually(`${host} answers again`, () =>
        client.call(host, 'get_capabilities', { discover: false }).then(
          () => true,
          () => false,
        ),
      );
    });
  } finally {
    await client.close();
  }
}
