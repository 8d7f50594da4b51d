import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { eventually } from './eventually.ts';

/** `script` of util-linux lends a pseudo-terminal; where it is missing, a test says so and is skipped. */
export const noTerminal = existsSync('/usr/bin/script') ? false : "there is no 'script' to lend a terminal";

/** A command line of a shell on a terminal of its own. */
export interface OnTerminal {
  readonly child: ChildProcess;
  /** All that the terminal was sent. */
  readonly screen: () => string;
  /** Types keys, `\x03` for ^C. */
  type(keys: string): void;
  /** Waits until the screen shows it. */
  shows(pattern: RegExp, ms?: number): Promise<void>;
  /** The exit status of the command line. */
  readonly ended: Promise<number | null>;
}

export function onTerminal(
  commandLine: string,
  { cwd, env = {}, columns = 80 }: { cwd?: string; env?: Readonly<Record<string, string>>; columns?: number } = {},
): OnTerminal {
  const line = `stty cols ${columns} rows 24; ${commandLine}`;
  const child = spawn('script', ['--quiet', '--return', '--echo', 'never', '--command', line, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, SHELL: '/bin/sh', ...env },
    ...(cwd !== undefined && { cwd }),
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  child.stdin.on('error', () => {});
  return {
    child,
    screen: () => text,
    type: (keys) => child.stdin.write(keys),
    async shows(pattern, ms) {
      await eventually(`the terminal shows ${pattern}`, () => pattern.test(text), ms).catch((error: unknown) => {
        throw new Error(`${String(error)}\n${text}`);
      });
    },
    ended: once(child, 'close').then(([code]) => code as number | null),
  };
}

/** A word as a shell reads it. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
