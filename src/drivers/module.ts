import type { DriverParts } from '../interface/driver-parts.ts';
import type { OptionTable, ReadOptions, ValuesOf } from '../interface/options.ts';
import type { VolumeDriver } from '../interface/volume-driver.ts';

/** What a driver file exports by default. */
export interface DriverModule {
  /** What the driver reads from its backend's section: known without making one. */
  readonly options: OptionTable;
  /** Makes the driver of one backend; `read` gives the values of that section. Touches no storage: `doSetup` does. */
  create(parts: DriverParts, read: ReadOptions): Promise<VolumeDriver>;
}

/** Binds a driver to its option table, so that `make` gets typed values and the registry needs no type argument. */
export function defineDriver<T extends OptionTable>(
  options: T,
  make: (parts: DriverParts, values: ValuesOf<T>) => VolumeDriver | Promise<VolumeDriver>,
): DriverModule {
  return { options, create: async (parts, read) => make(parts, read(options)) };
}

/** What a driver throws that is asked for something before its `doSetup` has succeeded. */
export function notSetUp(): never {
  throw new Error('the driver has not been set up');
}
