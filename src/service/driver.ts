import type { Logger } from '../base/log.ts';
import { version } from '../base/version.ts';
import type { Configuration } from '../config/load.ts';
import { loadDriver } from '../drivers/registry.ts';
import type { Coordinator } from '../interface/coordinator.ts';
import { serviceGroup } from '../interface/daemon-options.ts';
import type { DriverParts } from '../interface/driver-parts.ts';
import type { Executor } from '../interface/executor.ts';
import { namingOf } from '../interface/naming.ts';
import type { VolumeDriver } from '../interface/volume-driver.ts';
import type { OpenLog } from '../log/oslo-log.ts';
import type { ServiceHost } from '../objects/host.ts';
import type { PrivateTgtd } from '../targets/private-tgtd.ts';
import { openTarget } from '../targets/registry.ts';
import { parseExtraCapabilities } from '../volume/capability-report.ts';
import { readerOf } from './schema.ts';
import { isEmbedded, sectionOf, volumeSettings } from './settings.ts';

export interface DriverSources {
  readonly configuration: Configuration;
  readonly backend: string;
  readonly host: ServiceHost;
  /** A private tgtd; null: none is installed; undefined: the machine's. */
  readonly target: PrivateTgtd | null | undefined;
  readonly log: OpenLog;
  readonly exec: Executor;
}

/**
 * Makes the driver of a backend, with its target helper. What it throws cannot heal without another configuration: an
 * unknown driver, an option that cannot be used, a cluster that the driver does not support (L-071, L-072, manager.md §2.1).
 */
export async function openDriver(
  sources: DriverSources,
  coordinator: Coordinator,
  world: Pick<DriverParts, 'records' | 'openNova'>,
): Promise<VolumeDriver> {
  const { configuration, backend, host, target, log, exec } = sources;
  const section = sectionOf(configuration, backend);
  const [problem] = section.problems();
  if (problem !== undefined) throw new Error(problem.message);
  const settings = volumeSettings(configuration, backend);
  parseExtraCapabilities(settings.extra_capabilities);
  const logger = log.logs('cinder.volume.manager');
  const module = await loadDriver(settings.volume_driver, logger);
  const naming = namingOf(readerOf(configuration, 'DEFAULT'));
  const read = section.values.bind(section);
  const { state_path, cluster } = configuration.values(serviceGroup);
  const driver = await module.create(
    {
      host,
      version,
      statePath: state_path,
      exec,
      coordinator,
      naming,
      logs: log.logs,
      ...world,
      openTarget: () => {
        const tgtd = target ? { tgtd: target } : {};
        // A machine that serves itself: whoever knows the CHAP secret may connect, under any name.
        const restrictInitiators = !isEmbedded(configuration);
        const parts = { exec, coordinator, naming, logs: log.logs, restrictInitiators, ...tgtd };
        return openTarget(parts, read, target === null ? 'local' : undefined);
      },
    },
    read,
  );
  tellOfDriver(log.logs('stevedore.extension'), settings.volume_driver, driver.name);
  if (cluster?.trim() && driver.supportsActiveActive !== true) {
    await driver.close();
    throw new Error(`Active-Active configuration is not currently supported by driver ${driver.name}.`);
  }
  return driver;
}

/** As upstream's plug-ins are told of: `name = module:class` (L-095). */
function tellOfDriver(log: Pick<Logger, 'debug'>, path: string, name: string): void {
  const module = path.endsWith(`.${name}`) ? path.slice(0, -name.length - 1) : path;
  log.debug("found extension EntryPoint.parse('%s = %s:%s')", path, module, name);
}
