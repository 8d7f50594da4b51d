import { silent } from '../base/log.ts';
import { type Command, type CommandContext, command, type ExitCode } from './command.ts';

/** The commands about the database itself. */
export const databaseCommands: readonly Command[] = [
  command({
    name: 'db sync',
    help: 'Make the SQLite file, or bring an older one up; a server’s schema is cinder-manage’s',
    flags: {},
    positionals: {},
    output: 'show',
    run: async (_values, context) => report(context, 'sync'),
  }),
  command({
    name: 'db check',
    help: 'Compare the schema of the database with the one that the daemon knows',
    flags: {},
    positionals: {},
    output: 'show',
    run: async (_values, context) => report(context, 'check'),
  }),
];

async function report(context: CommandContext, what: 'sync' | 'check'): Promise<ExitCode> {
  const { readConfiguration } = await import('./configuration.ts');
  const { databaseGroup, tableGroup } = await import('../db/options.ts');
  const { checkDatabase, syncDatabase } = await import('../db/sync.ts');
  const { printShow } = await import('./print.ts');
  const { configuration } = await readConfiguration(context);
  const values = { ...configuration.values(databaseGroup), ...configuration.values(tableGroup), max_retries: 0 };
  const opening = { logger: silent, signal: context.signal };
  const act = what === 'sync' ? syncDatabase : checkDatabase;
  const found = await act(values.connection, values, opening);
  await printShow(context, Object.entries(found), context.output);
  return found.schema.endsWith('(known, complete)') ? 0 : 1;
}
