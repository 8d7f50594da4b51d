import { join } from 'node:path';
import { openCoordinator } from '../../src/coordination/coordinator.ts';
import { createExecutor } from '../../src/exec/run.ts';
import type { DriverParts } from '../../src/interface/driver-parts.ts';
import { namingOf } from '../../src/interface/naming.ts';
import type { OptionTable, ReadOptions, ValuesOf } from '../../src/interface/options.ts';
import { serviceHost } from '../../src/objects/host.ts';
import { createLocalTarget } from '../../src/targets/local.ts';
import { aLogger, type RecordingLogger } from './recording-logger.ts';

/** Presets, and what a test sets instead of them. */
export function reading(values: Readonly<Record<string, unknown>> = {}): ReadOptions {
  return <T extends OptionTable>(table: T) =>
    Object.fromEntries(
      Object.entries(table).map(([name, option]) => [name, name in values ? values[name] : option.preset]),
    ) as ValuesOf<T>;
}

export interface TestParts extends DriverParts {
  readonly logger: RecordingLogger;
}

/** Real commands and locks below `statePath`, and exports that are only paths unless a test brings others. */
export function driverParts(statePath: string, given: Partial<DriverParts> = {}): TestParts {
  const logger = aLogger();
  return {
    host: serviceHost('node', 'backend'),
    version: '1.2.3',
    statePath,
    exec: createExecutor({ environment: { PATH: process.env['PATH'] }, rootHelper: [], logger, grace: 500 }),
    coordinator: openCoordinator({ folder: join(statePath, 'locks'), logger }),
    naming: namingOf(reading()),
    logs: () => logger,
    records: {
      isNewInstallation: async () => false,
      snapshotState: async () => undefined,
      setVolumeFormat: async () => {},
      setConnectedFile: async () => {},
    },
    openTarget: async () => createLocalTarget(),
    openNova: () => Promise.reject(new Error('there is no Nova in this test')),
    logger,
    ...given,
  };
}
