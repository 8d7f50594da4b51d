import { type Configuration, load } from '../config/load.ts';
import { ConfigurationError } from '../config/problems.ts';
import { sampleText } from '../config/sample.ts';
import type { Schema } from '../config/schema.ts';
import { readSourceFile, type Sources } from '../config/sources.ts';
import { list } from '../interface/options.ts';
import { cellText } from './cells.ts';
import { type CommandContext, CommandError, type ExitCode } from './command.ts';
import { type CheckOptions, checkLines, type KnownDriver } from './config-check.ts';
import { settingRows } from './config-rows.ts';
import type { Environment } from './environment.ts';
import { type Json, JsonObject, jsonText } from './json-text.ts';
import { printList } from './print.ts';
import { type SourcesAsked, sourcesFor } from './request-sources.ts';

/** What the other rooms tell the commands about the configuration. */
export interface ConfigKnowledge {
  readonly schema: Schema;
  readonly driverOf: KnownDriver;
  /** Tries what a configuration names: a line for each thing that does not answer. */
  tryEnvironment(configuration: Configuration, signal: AbortSignal): Promise<readonly string[]>;
}

/** `config check` and `--check-config` (L-010): exit 0, or 1 with every problem of all files. */
export async function checkConfiguration(
  { schema, driverOf, tryEnvironment }: ConfigKnowledge,
  context: Environment & SourcesAsked & { readonly debug: boolean },
  options: CheckOptions & { readonly environment: boolean },
): Promise<ExitCode> {
  const { stdout } = context;
  let configuration: Configuration;
  try {
    configuration = load(sourcesFor(context, context), schema);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    for (const { finding } of error.problems) stdout.write(`${finding}\n`);
    return 1;
  }
  const away = options.environment ? await tryEnvironment(configuration, context.signal) : [];
  const { lines, failed } = await checkLines(configuration, driverOf, options, away);
  for (const line of lines) stdout.write(`${line}\n`);
  if (context.debug) await printEffectiveValues(configuration, driverOf, context);
  return failed ? 1 : 0;
}

/** With `--debug` the check also tells what each backend works with, and where that stands (C-075). */
async function printEffectiveValues(
  configuration: Configuration,
  driverOf: KnownDriver,
  { stdout }: Environment,
): Promise<void> {
  for (const section of [configuration.backendDefaults(), ...configuration.backends]) {
    const driver = section.present ? await driverOf(section) : undefined;
    const { name } = section;
    const rows = settingRows(section.settings(driver?.options), { section: name, prefix: '', all: false });
    for (const [option, value, place] of rows) stdout.write(`[${name}] ${option} = ${cellText(value)}  (${place})\n`);
  }
}

/** `config show`: the options of all groups and backends, or of one backend. */
export async function showConfiguration(
  { schema, driverOf }: ConfigKnowledge,
  context: CommandContext,
  values: { readonly backend: string | undefined; readonly origin: boolean; readonly all: boolean },
): Promise<ExitCode> {
  const configuration = load(sourcesFor(context, context), schema);
  const chosen = configuration.backends.filter(({ name }) => values.backend === undefined || name === values.backend);
  if (values.backend !== undefined && chosen.length === 0) {
    const names = configuration.backends.map(({ name }) => name).join(', ') || 'none';
    throw new CommandError(`no backend '${values.backend}' is enabled (enabled_backends: ${names})`);
  }
  const { all } = values;
  const single = values.backend !== undefined;
  const rows = (single ? [] : configuration.groups()).flatMap((section) => {
    const prefix = section === 'DEFAULT' ? '' : `${section}.`;
    return settingRows(configuration.settings(section), { section, prefix, all });
  });
  for (const backend of chosen) {
    const section = backend.name;
    const driver = await driverOf(backend);
    rows.push(...settingRows(backend.settings(driver?.options), { section, prefix: single ? '' : `${section}.`, all }));
  }
  const columns = ['Option', 'Value', ...(values.origin ? ['Origin'] : [])];
  await printList(context, columns, rows, context.output);
  return 0;
}

/** `config parse`: what each file says, as oslo.config's own parser reads it; exit 1 when one cannot be read. */
export async function parseFiles(files: readonly string[], { stdout, env, cwd, home }: Environment): Promise<ExitCode> {
  let failed = false;
  for (const file of files) {
    let told: readonly [string, Json];
    try {
      const { sections } = readSourceFile(file, { environment: env, cwd, home });
      told = ['sections', new JsonObject(sections.map(({ name, keys }) => [name, textsByKey(keys)]))];
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      failed = true;
      told = ['error', error.problems[0]?.message ?? error.message];
    }
    stdout.write(`${jsonText(new JsonObject([['file', file], told]), false)}\n`);
  }
  return failed ? 1 : 0;
}

/** `config sample`. */
export async function printSample({ schema }: ConfigKnowledge, { stdout }: Environment): Promise<ExitCode> {
  stdout.write(sampleText(schema));
  return 0;
}

/**
 * The names in `enabled_backends` by the files that a command line under way names, or by the default ones; none when they
 * cannot be read, for a shell that completes a word has no place for errors.
 */
export function backendNames(words: readonly string[], environment: Environment): readonly string[] {
  const items = words.flatMap((word, at) => {
    const path = word.startsWith('--config-file=')
      ? word.slice(14)
      : words[at - 1] === '--config-file'
        ? word
        : undefined;
    return path === undefined ? [] : [{ kind: 'file', path } as const];
  });
  const listed = { group: 'DEFAULT', options: { enabled_backends: list([], '') } };
  try {
    const sources = sourcesFor({ items, args: [], embedded: words.includes('--embedded') }, environment);
    return load(sources, { groups: [listed], backend: [] }).backends.map(({ name }) => name);
  } catch (error) {
    if (error instanceof ConfigurationError) return [];
    throw error;
  }
}

function textsByKey(keys: Sources['files'][number]['sections'][number]['keys']): JsonObject {
  return new JsonObject(keys.map(({ name, assignments }) => [name, assignments.map(({ text }) => text)]));
}
