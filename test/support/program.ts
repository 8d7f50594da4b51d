import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { repository } from './repository.ts';

/**
 * A process of its own that runs `code` (a module; `load('src/a/b.js')` imports from the build) and is killed with the test.
 * `prefix` is a command that runs it, `env` is added to the environment.
 */
export function aProgram(
  t: Pick<TestContext, 'after'>,
  code: string,
  prefix: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Program {
  const base = pathToFileURL(join(repository, 'build/')).href;
  const prelude = `const load = (path) => import('${base}' + path); const say = (line) => process.stdout.write(line + '\\n');\n`;
  const words = [...prefix, process.execPath, '--input-type=module', '-e', prelude + code];
  const [file = '', ...args] = words;
  return running(t, spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } }));
}

/** The same with another program of this machine. */
export function aCommand(t: Pick<TestContext, 'after'>, file: string, args: readonly string[]): Program {
  return running(t, spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] }));
}

export interface Program {
  readonly child: ChildProcess;
  readonly pid: number;
  /** The next line it writes; rejects when it ends before. */
  line(): Promise<string>;
  /** Kills it with SIGKILL and waits until it is gone. */
  kill(): Promise<void>;
  readonly exited: Promise<number | null>;
}

function running(t: Pick<TestContext, 'after'>, child: ChildProcess): Program {
  const lines: string[] = [];
  let rest = '';
  let ended = false;
  let wake = (): void => {};
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
    wake();
  });
  const exited = once(child, 'exit').then(([code]) => {
    ended = true;
    setImmediate(() => wake());
    return code as number | null;
  });
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  t.after(kill);
  return {
    child,
    pid: child.pid ?? 0,
    exited,
    kill,
    async line() {
      while (lines.length === 0) {
        if (ended) throw new Error('the program ended without another line');
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return lines.shift() ?? '';
    },
  };
}
