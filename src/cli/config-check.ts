import type { BackendSection } from '../config/backend-section.ts';
import type { Configuration } from '../config/load.ts';
import { optionProblem, originText, type Problem } from '../config/problems.ts';
import { type ConfigWarning, unknownOptions } from '../config/warnings.ts';
import type { OptionTable } from '../interface/options.ts';

/** What is known of the driver that a backend names; undefined for a driver that the daemon does not have. */
export type KnownDriver = (
  backend: BackendSection,
) => Promise<{ readonly label: string; readonly options: OptionTable } | undefined>;

export interface CheckOptions {
  /** Options that nobody knows are problems and no silence. */
  readonly strict: boolean;
}

/** The lines of `config check`, and whether it failed. `away` are the lines of what does not answer. */
export async function checkLines(
  configuration: Configuration,
  driverOf: KnownDriver,
  { strict }: CheckOptions,
  away: readonly string[],
): Promise<{ readonly lines: readonly string[]; readonly failed: boolean }> {
  const backends = await Promise.all(configuration.backends.map((backend) => checkedBackend(backend, driverOf)));
  const remarks = [
    ...configuration.warnings(),
    ...backends.flatMap(({ unknown }) => unknown),
    ...unknownDefaults(configuration, backends),
  ];
  const unknown = strict ? remarks.filter(({ kind }) => kind === 'unknown') : [];
  const warnings = remarks.filter(({ kind }) => kind !== 'unknown').map(({ finding }) => `${finding}  (warning)`);
  const problems = [
    ...new Set([
      ...withoutBackends(configuration),
      ...[...configuration.problems, ...configuration.backendDefaults().problems()].map(({ finding }) => finding),
      ...backends.flatMap((backend) => backend.problems.map(({ finding }) => finding)),
      ...unknown.map(({ finding }) => finding),
      ...away,
    ]),
  ];
  const names = backends.map(({ name, label }) => `${name} (${label})`).join(', ');
  const able = backends.filter((backend) => backend.problems.length === 0).length;
  const starting = configuration.problems.length > 0 ? 0 : able;
  const tally = `${counted(problems.length, 'problem')}, ${counted(warnings.length, 'warning')}; ${starting} of ${counted(backends.length, 'backend')} would start`;
  const verdict = problems.length > 0 ? tally : `${counted(backends.length, 'backend')}: ${names}`;
  return { lines: [...problems, ...warnings, verdict], failed: problems.length > 0 };
}

interface CheckedBackend {
  readonly name: string;
  readonly label: string;
  readonly problems: readonly Problem[];
  /** Names that its driver declares. */
  readonly known: readonly string[];
  readonly unknown: readonly ConfigWarning[];
}

async function checkedBackend(backend: BackendSection, driverOf: KnownDriver): Promise<CheckedBackend> {
  const { name } = backend;
  if (!backend.present) return { name, label: '?', problems: backend.problems(), known: [], unknown: [] };
  const driver = await driverOf(backend);
  const problems = backend.problems(driver?.options);
  if (driver === undefined) {
    return { name, label: '?', problems: [...problems, unknownDriver(backend)], known: [], unknown: [] };
  }
  const unknown = unknownOptions(name, backend.unknown(driver.options));
  return { name, label: driver.label, problems, known: Object.keys(driver.options), unknown };
}

/** Keys of `[backend_defaults]` that the driver of no backend knows. */
function unknownDefaults(configuration: Configuration, backends: readonly CheckedBackend[]): ConfigWarning[] {
  const known = new Set(backends.flatMap((backend) => backend.known));
  const keys = [...configuration.backendDefaults().unknown()].filter(([name]) => !known.has(name));
  return unknownOptions('backend_defaults', new Map(keys));
}

function unknownDriver(backend: BackendSection): Problem {
  const resolved = backend.settings().find(({ name }) => name === 'volume_driver')?.resolved;
  if (resolved === undefined || 'message' in resolved) {
    return resolved ?? optionProblem('no volume_driver', 'default', `[${backend.name}] volume_driver`, 'not set');
  }
  const what = `[${backend.name}] volume_driver = ${String(resolved.value)}`;
  const reason = 'this daemon has no such driver';
  return optionProblem(`${what}: ${reason}`, originText(resolved.origin), what, reason);
}

/** What the daemon says when there is nothing to run (L-034). */
function withoutBackends(configuration: Configuration): string[] {
  const { backends, sources } = configuration;
  if (backends.length > 0) return [];
  const nowhere = `no configuration file was found (looked in ${sources.searched.join(', ')}); --embedded runs without one`;
  return ['[DEFAULT] enabled_backends names no backend', ...(sources.files.length === 0 ? [nowhere] : [])];
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
