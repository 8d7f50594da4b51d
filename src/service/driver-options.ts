import { silent } from '../base/log.ts';
import type { BackendSection } from '../config/backend-section.ts';
import type { DriverOptions } from '../config/dump.ts';
import type { DriverModule } from '../drivers/module.ts';
import { loadDriver } from '../drivers/registry.ts';
import { driverWord } from '../interface/volume-driver.ts';
import { backendOptions } from '../volume/options.ts';

/** The driver of a section; undefined where it cannot be known, which is told when the backend is started or checked. */
async function driverOf(section: BackendSection): Promise<DriverModule | undefined> {
  try {
    return await loadDriver(section.values({ volume_driver: backendOptions.volume_driver }).volume_driver, silent);
  } catch {
    return undefined;
  }
}

/** The tables of the drivers of these sections, read once. */
export async function driverOptionsOf(sections: readonly BackendSection[]): Promise<DriverOptions> {
  const tables = new Map<string, DriverModule['options']>();
  for (const section of sections) {
    const name = section.text('volume_driver') ?? '';
    if (!tables.has(name)) tables.set(name, (await driverOf(section))?.options ?? {});
  }
  return (section) => tables.get(section.text('volume_driver') ?? '') ?? {};
}

/** What `config check` calls a driver, and what it reads. */
export async function driverLabel(section: BackendSection) {
  const module = await driverOf(section);
  return module && { label: driverWord(section.text('volume_driver') ?? ''), options: module.options };
}
