import { homedir } from 'node:os';
import { basename } from 'node:path';
import { messageOf } from './base/errors.ts';
import { type ImportModule, importModulesBy } from './base/load-module.ts';
import { version } from './base/version.ts';
import { parseArguments } from './cli/arguments.ts';
import type { Environment } from './cli/environment.ts';
import { Output } from './cli/output.ts';
import type { Program } from './cli/usage.ts';
import { UsageError } from './cli/usage-error.ts';
import { clientCommands } from './commands.ts';
import type { Signals } from './serve.ts';

/** Signals that mean something to the daemon; most of them would otherwise end Node, or open a debugger (L-114, L-178). */
const trapped = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGALRM', 'SIGUSR1', 'SIGUSR2'] as const;

/** Reads argv, runs what it asks for, and resolves to the exit status. Windows has no such service (L-050). */
export async function main(argv: readonly string[], importModule: ImportModule): Promise<number> {
  importModulesBy(importModule);
  if (process.platform === 'win32') {
    process.stderr.write('volume-daemon runs on POSIX systems only\n');
    return 1;
  }
  const signals = trapSignals();
  const interrupt = new AbortController();
  const stdout = new Output(process.stdout, process.env, () => interrupt.abort());
  const stderr = new Output(process.stderr, process.env);
  const environment: Environment = {
    stdout,
    stderr,
    env: process.env,
    cwd: process.cwd(),
    home: homeFolder(),
    schema: async () => (await import('./service/schema.ts')).schema,
    signal: interrupt.signal,
  };
  const code = await run(argv, environment, signals, interrupt);
  const fault = await stdout.ended();
  if (fault === undefined) return code;
  stderr.write(`volume-daemon: the answer could not be written: ${fault}\n`);
  return 1;
}

async function run(
  argv: readonly string[],
  environment: Environment,
  signals: Signals,
  interrupt: AbortController,
): Promise<number> {
  const name = basename(process.argv[1] ?? '') === 'cinder-volume' ? 'cinder-volume' : 'volume-daemon';
  const program: Program = {
    name,
    version,
    commands: clientCommands(() => program),
    backends: async (words) => (await import('./cli/config.ts')).backendNames(words, environment),
  };
  try {
    const { columns } = environment.stdout;
    const invocation = await parseArguments(argv, program, { columns, env: process.env });
    switch (invocation.kind) {
      case 'print':
        environment.stdout.write(invocation.text);
        return 0;
      case 'serve': {
        const { serve } = await import('./serve.ts');
        return await serve(invocation.request, environment, signals);
      }
      case 'check': {
        const { checkConfiguration } = await import('./cli/config.ts');
        const { configKnowledge } = await import('./commands.ts');
        const options = { strict: false, environment: false };
        return await checkConfiguration(
          await configKnowledge(),
          { ...environment, ...invocation.request, debug: false },
          options,
        );
      }
      case 'command': {
        signals.to((signal) => interruptCommand(signal, interrupt));
        const { runCommand } = await import('./cli/run-command.ts');
        return await runCommand(invocation, environment);
      }
      default:
        return invocation satisfies never;
    }
  } catch (error) {
    environment.stderr.write(error instanceof UsageError ? error.text : `${messageOf(error)}\n`);
    return error instanceof UsageError ? error.exitCode : 1;
  }
}

/** A container may run as a user whom no /etc/passwd knows; without `HOME` such a one is at home in `/` (O-36). */
function homeFolder(): string {
  try {
    return homedir();
  } catch {
    return '/';
  }
}

/** The first one asks the command to end and to say what goes on without it; the second does not wait for that. */
function interruptCommand(signal: NodeJS.Signals, interrupt: AbortController): void {
  if (signal !== 'SIGINT' && signal !== 'SIGTERM' && signal !== 'SIGHUP') return;
  if (interrupt.signal.aborted) process.exit(1);
  interrupt.abort();
}

/** Traps them at once, and remembers one that comes before anybody is ready for it. */
function trapSignals(): Signals {
  let handler: ((signal: NodeJS.Signals) => void) | undefined;
  const early: NodeJS.Signals[] = [];
  for (const name of trapped) {
    process.on(name, (signal) => {
      if (handler !== undefined) handler(signal);
      else if (signal === 'SIGTERM') process.exit(0);
      else if (signal === 'SIGINT' || signal === 'SIGALRM') process.exit(1);
      else early.push(signal);
    });
  }
  return {
    to(next) {
      handler = next;
      for (const signal of early.splice(0)) next(signal);
    },
  };
}
