import { loadModule } from '../base/load-module.ts';
import type { Logger } from '../base/log.ts';
import type { DriverModule } from './module.ts';

type Load = () => Promise<{ readonly default: DriverModule }>;

/** The drivers by the names that `volume_driver` gives them in existing files (S-01). Each is loaded when it is asked for. */
const drivers: Readonly<Record<string, Load>> = {
  file: () => import('./file.ts'),
  'cinder.volume.drivers.nfs.NfsDriver': () => import('./nfs.ts'),
  'cinder.tests.fake_driver.FakeLoggingVolumeDriver': () => import('./fake.ts'),
};

/** Spellings of long ago, and what upstream made of them (L-081). */
const oldNames: Readonly<Record<string, string>> = {
  'cinder.volume.driver.ISCSIDriver': 'cinder.volume.drivers.lvm.LVMVolumeDriver',
  'cinder.volume.drivers.lvm.LVMISCSIDriver': 'cinder.volume.drivers.lvm.LVMVolumeDriver',
  'cinder.volume.drivers.lvm.LVMISERDriver': 'cinder.volume.drivers.lvm.LVMVolumeDriver',
  'cinder.volume.drivers.lvm.ThinLVMVolumeDriver': 'cinder.volume.drivers.lvm.LVMVolumeDriver',
  'cinder.volume.driver.RBDDriver': 'cinder.volume.drivers.rbd.RBDDriver',
  'cinder.volume.nfs.NfsDriver': 'cinder.volume.drivers.nfs.NfsDriver',
};

export function driverNames(): readonly string[] {
  return Object.keys(drivers);
}

/**
 * The module of a `volume_driver`, with its option table. A name that is no Python path of Cinder may be a module of
 * Node's; whatever cannot be found is an error that lists what there is. `logger` gets the warning for an old name.
 */
export async function loadDriver(name: string, logger: Pick<Logger, 'warning'>): Promise<DriverModule> {
  const newName = oldNames[name];
  if (newName !== undefined) {
    logger.warning('Driver path %s is deprecated, update your configuration to the new path.', name);
  }
  const load = drivers[newName ?? name];
  if (load !== undefined) return (await load()).default;
  if (!mayBeModule(name)) throw unknownDriver(name, 'is not part of this daemon');
  return foreignDriver(name);
}

function mayBeModule(name: string): boolean {
  return name !== '' && !name.startsWith('cinder.') && oldNames[name] === undefined;
}

async function foreignDriver(name: string): Promise<DriverModule> {
  const specifier = name.startsWith('/') ? new URL(`file://${name}`).href : name;
  let found: { readonly default?: unknown };
  try {
    found = (await loadModule(specifier)) as typeof found;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const missing = code === 'ERR_MODULE_NOT_FOUND' || code === 'ERR_INVALID_MODULE_SPECIFIER';
    throw unknownDriver(name, missing ? 'is not part of this daemon' : 'cannot be loaded', error);
  }
  if (!isDriverModule(found.default)) throw unknownDriver(name, 'is a module, but its default export is no driver');
  return found.default;
}

function isDriverModule(value: unknown): value is DriverModule {
  return typeof value === 'object' && value !== null && 'options' in value && 'create' in value;
}

function unknownDriver(name: string, why: string, cause?: unknown): Error {
  const message = `volume_driver '${name}' ${why}; there is: ${driverNames().join(', ')}`;
  return new Error(message, cause === undefined ? {} : { cause });
}
