import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import type { Executor } from '../../src/interface/executor.ts';

/** Starts programs, found in `folder` first if one is given, and ends them with the test. */
export function programStarter(t: TestContext, folder?: string): Pick<Executor, 'start'> {
  const path = folder === undefined ? process.env['PATH'] : `${folder}:${process.env['PATH']}`;
  return {
    async start(file, args) {
      const child = spawn(file, [...args], {
        stdio: ['pipe', 'ignore', 'inherit'],
        env: { ...process.env, PATH: path },
      });
      await once(child, 'spawn');
      t.after(() => child.kill('SIGKILL'));
      child.stdin.on('error', () => {});
      return {
        pid: child.pid ?? 0,
        exited: once(child, 'exit').then(([code, signal]) => ({ code, signal })),
        write: (text) => child.stdin.write(text),
        end: () => child.stdin.end(),
        kill: (signal) => child.kill(signal),
      };
    },
  };
}
