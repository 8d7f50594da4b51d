import { randomUUID } from 'node:crypto';
import { silent } from '../../src/base/log.ts';
import { KeyedMutex } from '../../src/base/mutex.ts';
import { openDatabase } from '../../src/db/database.ts';
import { databaseGroup, tableGroup } from '../../src/db/options.ts';
import type { Coordinator } from '../../src/interface/coordinator.ts';
import type { Database } from '../../src/interface/database.ts';
import type { StorageDriver } from '../../src/interface/driver-features.ts';
import type { Delivery, RpcMethod } from '../../src/interface/rpc.ts';
import type { Scheduler } from '../../src/interface/scheduler.ts';
import type { VolumePeers } from '../../src/interface/volume-peers.ts';
import type { NewVolume } from '../../src/interface/volume-table.ts';
import type { CleanupNote } from '../../src/interface/worker-report.ts';
import { contextFor } from '../../src/objects/context.ts';
import { serviceHost } from '../../src/objects/host.ts';
import { CapabilityReport } from '../../src/volume/capability-report.ts';
import { Claims } from '../../src/volume/claim.ts';
import { volumeEndpoint } from '../../src/volume/endpoint.ts';
import type { VolumeManager } from '../../src/volume/manager.ts';
import { backendOptions, managerOptions, recoveryOptions, type VolumeSettings } from '../../src/volume/options.ts';
import { paperServices } from './paper-services.ts';
import { presets } from './presets.ts';

export const host = serviceHost('node1', 'lvm');

/** A driver that succeeds at everything and remembers what it was asked; single answers can be replaced. */
export function paperDriver(answers: Partial<StorageDriver> = {}): { driver: StorageDriver; calls: string[] } {
  const calls: string[] = [];
  const told = <T>(name: string, id: string, value: T): T => {
    calls.push(`${name} ${id}`);
    return value;
  };
  const driver: StorageDriver = {
    name: 'PaperDriver',
    version: '1',
    doSetup: async () => {},
    getVolumeStats: async () => ({
      volume_backend_name: 'lvm',
      vendor_name: 'Paper',
      driver_version: '1',
      storage_protocol: 'iSCSI',
      pools: [{ pool_name: 'pool', total_capacity_gb: 100, free_capacity_gb: 90 }],
    }),
    createVolume: async ({ id }) => told('createVolume', id, { provider_id: `made-${id}` }),
    createVolumeFromSnapshot: async ({ id }) => told('createVolumeFromSnapshot', id, {}),
    createClonedVolume: async ({ id }) => told('createClonedVolume', id, {}),
    deleteVolume: async ({ id }) => told('deleteVolume', id, undefined),
    extendVolume: async ({ id }) => told('extendVolume', id, undefined),
    createSnapshot: async ({ id }) => told('createSnapshot', id, {}),
    deleteSnapshot: async ({ id }) => told('deleteSnapshot', id, undefined),
    ensureExport: async ({ id }) => told('ensureExport', id, undefined),
    createExport: async ({ id }) =>
      told('createExport', id, { provider_location: `at-${id}`, provider_auth: 'CHAP u p' }),
    removeExport: async ({ id }) => told('removeExport', id, undefined),
    validateConnector: () => {},
    initializeConnection: async ({ id }) =>
      told('initializeConnection', id, { driver_volume_type: 'iscsi', data: { target_lun: 1, volume_id: id } }),
    terminateConnection: async ({ id }) => told('terminateConnection', id, false),
    close: async () => {},
  };
  for (const [name, answer] of Object.entries(answers)) {
    Object.assign(driver, {
      [name]: (subject: { id?: string }, ...rest: unknown[]) => {
        if (subject?.id !== undefined) calls.push(`${name} ${subject.id}`);
        return (answer as (...values: unknown[]) => unknown)(subject, ...rest);
      },
    });
  }
  return { driver, calls };
}

export interface TestManager extends VolumeManager, AsyncDisposable {
  readonly db: Database;
  readonly calls: string[];
  readonly notes: CleanupNote[];
  readonly reported: unknown[];
  readonly rescheduled: unknown[];
  initialized: boolean;
  settings: VolumeSettings;
}

/** A manager over a database, in memory or in `file`, and a driver on paper; its service row is registered. */
export async function testManager(
  answers: Partial<StorageDriver> = {},
  changes: Partial<VolumeManager> = {},
  file?: string,
): Promise<TestManager> {
  const options = presets({ ...databaseGroup.options, ...tableGroup.options });
  const url = file === undefined ? 'sqlite://' : `sqlite:///${file}`;
  const db = await openDatabase(url, options, { logger: silent, create: file !== undefined });
  const own = changes.host ?? host;
  const row = await db.services.register({
    host: own,
    binary: 'cinder-volume',
    topic: 'cinder-volume',
    availability_zone: 'nova',
    disabled: false,
    cluster_name: null,
    rpc_current_version: '3.20',
    object_current_version: '1.39',
  });
  const { driver, calls } = paperDriver(answers);
  const service = { id: row.id, uuid: row.uuid };
  const claims = new Claims({ db, log: silent, host: own, serviceId: () => service.id });
  const notes: CleanupNote[] = [];
  const reported: unknown[] = [];
  const rescheduled: unknown[] = [];
  const scheduler: Scheduler = {
    reportCapabilities: async (_context, _host, stats) => void reported.push(stats),
    createVolume: async (_context, request) => void rescheduled.push(request),
  };
  return {
    host,
    driver,
    db,
    calls,
    notes,
    reported,
    rescheduled,
    coordinator: paperCoordinator(),
    copier: { copy: async () => {}, reach: async () => ({ path: '/', format: 'raw' }) },
    peers: paperPeers(),
    connector: { host: 'node1', ip: '192.0.2.1', initiator: 'iqn.2010-10.org.openstack:node1' },
    backups: { continueBackup: async () => {}, restoreBackup: async () => {} },
    scheduler,
    notifier: { enabled: false, info: async () => {} },
    ...paperServices(),
    claims,
    capabilities: new CapabilityReport(),
    connections: new KeyedMutex(),
    log: silent,
    cleanupLog: silent,
    settings: defaultSettings,
    service,
    initialized: true,
    signal: new AbortController().signal,
    publishSoon() {},
    note: (note) => void notes.push(note),
    ...changes,
    async [Symbol.asyncDispose]() {
      claims.close();
      await db[Symbol.asyncDispose]();
    },
  };
}

const defaultSettings: VolumeSettings = {
  ...presets({ ...managerOptions, ...backendOptions, ...recoveryOptions }),
  volume_backend_name: 'lvm',
};

/** Services that take everything and do nothing. */
function paperPeers(): VolumePeers {
  return {
    createVolume: async () => {},
    deleteVolume: async () => {},
    initializeConnection: async () => ({ driver_volume_type: 'local', data: {} }),
    terminateConnection: async () => {},
    removeExport: async () => {},
    capabilities: async () => ({ storage_protocol: 'iSCSI' }),
    updateMigratedVolume: async () => {},
    attachVolume: async () => {},
  };
}

function paperCoordinator(): Coordinator {
  const mutex = new KeyedMutex();
  return {
    withLock: (name, body, signal) => mutex.withLock(name, body, signal),
    tryLock: async () => ({ held: false, note: '', pid: undefined }),
    forget: async () => {},
  };
}

/** A volume's row as the API writes it before it sends anything. */
export function aVolume(changes: Partial<NewVolume> = {}): NewVolume {
  return {
    id: randomUUID(),
    size: 1,
    status: 'creating',
    attach_status: 'detached',
    host: `${host}#pool`,
    project_id: 'p1',
    user_id: 'u1',
    ...changes,
  };
}

export const levels = { levels: () => new Map<string, string>(), setLevels: () => {} };

/** Sends one message through the endpoint table, as the RPC server does; undefined when there was nothing to do. */
export async function send(
  manager: TestManager,
  name: string,
  args: Record<string, unknown>,
  delivery: Delivery = { redelivered: false },
): Promise<unknown> {
  const method: RpcMethod | undefined = volumeEndpoint(manager, levels)[name];
  if (method === undefined) throw new Error(`no method ${name}`);
  const context = contextFor({ user_id: 'u1', project_id: 'p1' });
  const operation = await method.request(context, args, delivery).record(new AbortController().signal);
  return operation?.run(new AbortController().signal);
}
