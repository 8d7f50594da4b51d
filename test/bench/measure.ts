import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Daemon, type DaemonOptions } from '../support/daemon.ts';

/** One line of the table. */
export interface Row {
  readonly what: string;
  readonly aim: string;
  readonly unit: string;
  readonly samples: readonly number[];
}

export function median(values: readonly number[]): number {
  const ordered = [...values].sort((a, b) => a - b);
  const middle = Math.floor(ordered.length / 2);
  const [low = Number.NaN, high = Number.NaN] = [ordered[middle - 1] ?? ordered[middle], ordered[middle]];
  return ordered.length % 2 === 0 ? (low + high) / 2 : high;
}

/** Milliseconds that something takes. */
export async function timed(body: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await body();
  return performance.now() - begun;
}

/** Milliseconds of a whole process. */
export function processTime(words: readonly string[]): number {
  const begun = performance.now();
  const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`node ${words.join(' ')}: ${stderr}`);
  return performance.now() - begun;
}

/** Something done several times; what it gives each time. */
export async function times(count: number, body: (round: number) => Promise<number>): Promise<number[]> {
  const samples: number[] = [];
  for (let round = 0; round < count; round++) samples.push(await body(round));
  return samples;
}

/** Runs something with a daemon of its own, which goes afterwards with all it has. */
export async function withDaemon<T>(options: DaemonOptions, body: (daemon: Daemon) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'vd-bench-'));
  const daemon = new Daemon(folder, options);
  try {
    return await body(daemon);
  } finally {
    await daemon.destroy();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Its processes of ours: supervisor, broker, workers; not a target daemon. */
export function ownProcesses(daemon: Daemon): number[] {
  return daemon.processes().filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('tgtd') === false);
}

/** Proportional memory in MB: what is shared counts by its share. */
export function pssOf(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? Number.NaN) / 1024;
}

/** How often the process was woken, all its threads together, and the milliseconds that it has computed. */
export function activityOf(pid: number): { readonly wakeUps: number; readonly cpu: number } {
  const threads = readdirSync(`/proc/${pid}/task`);
  const wakeUps = threads.map((thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
    return Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  });
  const nanoseconds = threads.map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0] ?? 0),
  );
  return { wakeUps: sum(wakeUps), cpu: sum(nanoseconds) / 1e6 };
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Does something so often, with so many at a time. */
export async function many(count: number, width: number, body: () => Promise<unknown>): Promise<void> {
  let left = count;
  const lane = async (): Promise<void> => {
    while (left-- > 0) await body();
  };
  await Promise.all(Array.from({ length: width }, lane));
}
