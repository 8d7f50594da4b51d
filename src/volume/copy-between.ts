import { isAbort, messageOf } from '../base/errors.ts';
import type { DataPlace } from '../interface/data-copier.ts';
import type { RequestContext } from '../objects/context.ts';
import { VolumeMigrationFailed } from '../objects/exceptions.ts';
import type { Volume } from '../objects/volume.ts';
import { initializeConnection, removeExport, terminateConnection } from './connections.ts';
import { requireDriver, type VolumeManager } from './manager.ts';

/** What backends call the ways by which our copies reach them (manager.md §9.5 [N]). */
const reachable = ['iscsi', 'nfs', 'ceph', 'rbd', 'local', 'file'];

/** Throws VolumeMigrationFailed, before anything is made, where no copy can reach the destination. */
export async function requireReachable(
  manager: VolumeManager,
  context: RequestContext,
  host: string,
  signal: AbortSignal,
): Promise<void> {
  const { storage_protocol } = await manager.peers.capabilities(context, host, signal);
  const protocols = [storage_protocol].flat().map(String);
  if (protocols.some((protocol) => reachable.includes(protocol.toLowerCase()))) return;
  const reason = `volumes of ${host} are reached by ${protocols.join(', ')}, and data are copied by iSCSI, NFS and RBD only`;
  throw new VolumeMigrationFailed({ reason });
}

/** Copies all data of a volume of ours to one of another service, as a host that both let in (manager.md §9.5). */
export async function copyBetween(
  manager: VolumeManager,
  context: RequestContext,
  volume: Volume,
  newVolume: Volume,
  signal: AbortSignal,
): Promise<void> {
  const { peers, copier, connector } = manager;
  const info = await peers.initializeConnection(context, newVolume, connector, signal);
  try {
    const target = await copier.reach(info, connector, signal);
    const copy = (source: DataPlace) => copier.copy(source, target, { signal, progress: () => {} });
    await withSource(manager, context, volume, copy, signal);
  } finally {
    await letGo(manager, newVolume, async () => {
      await peers.terminateConnection(context, newVolume, connector, signal);
      await peers.removeExport(context, newVolume);
    });
  }
}

/** By the path that the driver gives, else as a host would reach it. */
async function withSource(
  manager: VolumeManager,
  context: RequestContext,
  volume: Volume,
  body: (place: DataPlace) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const driver = requireDriver(manager);
  if (driver.withLocalPath !== undefined) {
    await driver.withLocalPath(volume, { write: false }, (path, format) => body({ path, format }), signal);
    return;
  }
  const args = { manager, context, signal };
  const info = await initializeConnection(args, volume.id, manager.connector);
  try {
    await body(await manager.copier.reach(info, manager.connector, signal));
  } finally {
    await letGo(manager, volume, async () => {
      await terminateConnection(args, volume.id, manager.connector);
      await removeExport(args, volume.id);
    });
  }
}

/** A connection that stays is a warning: the copy is what counts. */
async function letGo(manager: VolumeManager, { id }: Volume, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (!isAbort(error)) {
      const about = { error, resource: id };
      manager.log.log('WARNING', about, 'A connection to volume %s was not ended: %s', id, messageOf(error));
    }
  }
}
