import { messageOf } from '../base/errors.ts';
import type { CommandContext, ExitCode } from './command.ts';

/** Does something to each of several; those that fail are told one by one and counted, as the openstack client does. */
export async function eachOf(
  context: Pick<CommandContext, 'stderr'>,
  kind: 'volume' | 'snapshot',
  names: readonly string[],
  act: (name: string) => Promise<void>,
): Promise<ExitCode> {
  let failures = 0;
  for (const name of names) {
    try {
      await act(name);
    } catch (error) {
      if (error instanceof Error && error.name === 'AbortError') throw error;
      failures++;
      const text = `Failed to delete ${kind} with name or ID '${name}': ${messageOf(error)}`;
      context.stderr.write(`volume-daemon: ${text}\n`);
    }
  }
  if (failures === 0) return 0;
  if (names.length > 1) context.stderr.write(`volume-daemon: ${failures} of ${names.length} ${kind}s failed to delete.\n`);
  return 1;
}
