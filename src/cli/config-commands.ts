import { type Command, command } from './command.ts';
import type { ConfigKnowledge } from './config.ts';
import { choice, required, text, texts, toggle } from './flags.ts';

/** The commands that need nothing but files. `knowledge` is asked when one of them runs. */
export function configCommands(knowledge: () => Promise<ConfigKnowledge>): readonly Command[] {
  return [
    command({
      name: 'config check',
      help: 'Validate the configuration; exit 1 with everything that is wrong',
      flags: {
        strict: toggle('Options that this daemon does not know are wrong'),
        environment: toggle('Try the database, the broker and the tools as well'),
      },
      positionals: {},
      run: async (values, context) =>
        (await import('./config.ts')).checkConfiguration(await knowledge(), context, values),
    }),
    command({
      name: 'config show',
      help: 'Print the values that count, by default those that somebody set',
      flags: {
        backend: text(undefined, 'Only the options of this backend', { shown: 'NAME' }),
        origin: toggle('Say where each value stands'),
        all: toggle('Print defaults as well'),
      },
      positionals: {},
      output: 'list',
      run: async (values, context) =>
        (await import('./config.ts')).showConfiguration(await knowledge(), context, values),
    }),
    command({
      name: 'config parse',
      help: 'Print what files say, before options have types: a JSON document a line and file',
      flags: { format: choice(['json'], 'json', 'Form of the output', { short: 'f' }) },
      positionals: { file: required(texts('Files to read')) },
      run: async ({ file }, context) => (await import('./config.ts')).parseFiles(file, context),
    }),
    command({
      name: 'config sample',
      help: 'Print a cinder.conf.sample with every option that this daemon heeds',
      flags: {},
      positionals: {},
      run: async (_values, context) => (await import('./config.ts')).printSample(await knowledge(), context),
    }),
  ];
}
