import { isAbort, messageOf } from '../base/errors.ts';
import { withoutPasswords } from '../config/secrets.ts';
import type { CommandInvocation } from './arguments.ts';
import { harmless } from './cells.ts';
import { CommandError, type ExitCode } from './command.ts';
import type { Environment } from './environment.ts';

/**
 * Runs a command to its end. What it throws becomes one line on stderr, with a stack where `--debug` was given, and the exit
 * code; what somebody aborted says nothing more.
 */
export async function runCommand(
  { command, values, request, debug, output }: CommandInvocation,
  environment: Environment,
): Promise<ExitCode> {
  const { items, args, embedded } = request;
  try {
    return await command.run(values, { ...environment, items, args, embedded, debug, output });
  } catch (error) {
    if (!(environment.signal.aborted && isAbort(error))) {
      const text = debug && error instanceof Error ? (error.stack ?? error.message) : oneLine(messageOf(error));
      environment.stderr.write(`volume-daemon: ${withoutPasswords(text)}\n`);
    }
    return error instanceof CommandError ? error.exitCode : 1;
  }
}

function oneLine(message: string): string {
  return harmless(message.trim().replace(/\s*\n\s*/g, ' '));
}
