import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

/** A program of the tests at work. */
export interface Program {
  readonly child: ChildProcessWithoutNullStreams;
  /** What it has printed so far. */
  readonly printed: { stdout: string; stderr: string };
  /** Resolves when it has ended and everything it printed is there. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** Starts `test/<path>.ts` as compiled, on the Node of the tests. It is killed when the test ends. */
export function startProgram(t: TestContext, path: string, args: readonly string[] = []): Program {
  const tests = dirname(dirname(fileURLToPath(import.meta.url)));
  const child = spawn(process.execPath, [join(tests, `${path}.js`), ...args], { stdio: 'pipe' });
  const printed = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      printed[stream] += text;
    });
  }
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { child, printed, ended };
}
