import { isAbort } from '../base/errors.ts';
import { type CommandContext, CommandError } from './command.ts';

/**
 * Waits for something that goes on without the command. ^C ends the waiting, and the last words say what goes on and how to
 * look again (ecosystem.md §3.1).
 */
export async function interruptible<T>(
  { signal }: Pick<CommandContext, 'signal'>,
  lastWords: () => string,
  body: () => Promise<T>,
): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (!signal.aborted || !isAbort(error)) throw error;
    throw new CommandError(`interrupted; ${lastWords()}`, 1, { cause: error });
  }
}
