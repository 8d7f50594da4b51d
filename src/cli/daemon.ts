import { askDaemon, NoDaemon, type Question } from '../admin/client.ts';
import type { Answer } from '../admin/routes.ts';
import type { DaemonStatus } from '../interface/daemon-status.ts';
import { type CommandContext, CommandError } from './command.ts';
import { readConfiguration } from './configuration.ts';

/** Asks the daemon of this configuration. Nobody there: exit 2 (ecosystem.md §3.1). */
export async function ask(
  context: CommandContext,
  method: 'GET' | 'POST',
  path: string,
  question: Omit<Question, 'signal'> = {},
): Promise<Answer> {
  const { adminSocket } = await readConfiguration(context);
  try {
    return await askDaemon(adminSocket, method, path, { ...question, signal: context.signal });
  } catch (error) {
    if (error instanceof NoDaemon) throw new CommandError(error.message, 2, { cause: error });
    throw error;
  }
}

export async function askStatus(context: CommandContext): Promise<DaemonStatus> {
  return (await ask(context, 'GET', '/status')).body as DaemonStatus;
}
