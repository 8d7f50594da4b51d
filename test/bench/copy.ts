import { readFileSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { type Row, withDaemon } from './measure.ts';

const probe = `
import { appendFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
export default function ({ role }) {
  if (role !== 'worker') return;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  process.on('SIGUSR1', () => {
    appendFileSync(process.env.BENCH_FOLDER + '/delay', JSON.stringify({ p99: delay.percentile(99) / 1e6 }) + '\\n');
    delay.reset();
    delay.enable();
  });
}
`;

/** How late the event loop of a worker is while it copies a volume of 8 GiB with some data in it. */
export async function* copyRows(): AsyncGenerator<Row> {
  yield { what: 'event-loop delay p99 while 8 GiB are copied', aim: '<= 20 ms', unit: 'ms', samples: await delays() };
}

async function delays(): Promise<number[]> {
  const samples: number[] = [];
  await withDaemon({}, async (daemon) => {
    const module = join(daemon.folder, 'probe.mjs');
    writeFileSync(module, probe);
    writeFileSync(
      daemon.conf,
      readFileSync(daemon.conf, 'utf8').replace(
        '[DEFAULT]\n',
        `[DEFAULT]\nmonkey_patch = true\nmonkey_patch_modules = ${module}\n`,
      ),
    );
    process.env['BENCH_FOLDER'] = daemon.folder;
    await daemon.startUp();
    const { pid } = await daemon.backend('file1');
    const { id } = await daemon.ask<{ id: string }>(
      'volume',
      'create',
      '--size',
      '8',
      '--backend',
      'file1',
      '--wait',
      'source',
    );
    await scatter(join(daemon.folder, 'file1', `volume-${id}`), 300);
    for (let round = 0; round < 3; round++) {
      process.kill(pid ?? 0, 'SIGUSR1');
      await daemon.does('volume', 'create', '--source', 'source', '--wait', `copy${round}`);
      process.kill(pid ?? 0, 'SIGUSR1');
      await new Promise((resolve) => setTimeout(resolve, 200));
      const lines = readFileSync(join(daemon.folder, 'delay'), 'utf8').trim().split('\n');
      samples.push((JSON.parse(lines.at(-1) ?? '{}') as { p99: number }).p99);
    }
  });
  return samples;
}

/** Writes so many pieces of 1 MiB all over a file. */
async function scatter(path: string, pieces: number): Promise<void> {
  const file = await open(path, 'r+');
  const data = Buffer.alloc(1 << 20, 'volume-daemon');
  const { size } = await file.stat();
  for (let piece = 0; piece < pieces; piece++) {
    await file.write(data, 0, data.length, Math.floor((size / pieces) * piece));
  }
  await file.sync();
  await file.close();
}
