import { appendFileSync } from 'node:fs';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { capacityOptions } from '../interface/capacity-options.ts';
import type { DriverParts } from '../interface/driver-parts.ts';
import { float, int, list, str, type ValuesOf } from '../interface/options.ts';
import type {
  ConnectionInfo,
  ExistingReference,
  LocalFormat,
  ManageableSnapshot,
  ManageableVolume,
  ModelUpdate,
  Progress,
  VolumeDriver,
  VolumeStats,
} from '../interface/volume-driver.ts';
import { VolumeBackendAPIException } from '../objects/exceptions.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import { nameIdOf, type Volume } from '../objects/volume.ts';
import { defineDriver } from './module.ts';

/** Methods bear upstream's names: `create_volume`, `do_setup`; making the driver is `construct`, and `*` means all. */
const options = {
  volume_backend_name: capacityOptions.volume_backend_name,
  filter_function: capacityOptions.filter_function,
  goodness_function: capacityOptions.goodness_function,
  fake_journal: str(undefined, 'File that gets a line `pid method id start|end` for every call'),
  fake_construct_delay: float(0, 'Seconds that it takes to make the driver', { min: 0 }),
  fake_setup_failures: int(0, 'How many set-ups fail before one succeeds; below 0 all fail'),
  fake_delay: list([], 'Seconds that methods take, as method:seconds'),
  fake_block: list([], 'Seconds for which methods stop the event loop, as method:seconds'),
  fake_fail: list([], 'Methods that fail, as method or method:times'),
  fake_die: list([], 'Methods that end the process, as method:signal or method:error'),
};

export default defineDriver(options, async (_parts: DriverParts, values) => {
  const act = actor(values);
  await act('construct', '-', AbortSignal.timeout(2 ** 31 - 1));
  return new FakeLoggingVolumeDriver(values, act);
});

/** Stores nothing and succeeds, as upstream's driver of that name; its options make it slow, broken or deadly. */
class FakeLoggingVolumeDriver implements VolumeDriver {
  readonly name = 'FakeLoggingVolumeDriver';
  readonly version = '3.0.0';
  readonly #values: ValuesOf<typeof options>;
  readonly #act: Act;
  #setups = 0;

  constructor(values: ValuesOf<typeof options>, act: Act) {
    this.#values = values;
    this.#act = act;
  }

  async doSetup(signal: AbortSignal): Promise<void> {
    await this.#act('do_setup', '-', signal);
    const { fake_setup_failures: failures } = this.#values;
    this.#setups += 1;
    if (failures < 0 || this.#setups <= failures) {
      throw new VolumeBackendAPIException({ data: `set-up ${this.#setups} fails, as fake_setup_failures says` });
    }
  }

  async getVolumeStats(signal: AbortSignal): Promise<VolumeStats> {
    await this.#act('get_volume_stats', '-', signal);
    const name = this.#values.volume_backend_name ?? 'fake';
    return {
      volume_backend_name: name,
      vendor_name: 'Open Source',
      driver_version: this.version,
      storage_protocol: 'fake',
      pools: [
        {
          pool_name: name,
          total_capacity_gb: 'infinite',
          free_capacity_gb: 'infinite',
          provisioned_capacity_gb: 0,
          reserved_percentage: 100,
          QoS_support: false,
          filter_function: this.#values.filter_function ?? null,
          goodness_function: this.#values.goodness_function ?? null,
          consistencygroup_support: false,
          replication_enabled: true,
          group_replication_enabled: true,
        },
      ],
    };
  }

  async createVolume(volume: Volume, signal: AbortSignal): Promise<ModelUpdate> {
    return this.#act('create_volume', volume.id, signal);
  }

  async createVolumeFromSnapshot(
    volume: Volume,
    _snapshot: Snapshot,
    signal: AbortSignal,
    progress: Progress,
  ): Promise<ModelUpdate> {
    return this.#act('create_volume_from_snapshot', volume.id, signal, progress);
  }

  async createClonedVolume(
    volume: Volume,
    _source: Volume,
    signal: AbortSignal,
    progress: Progress,
  ): Promise<ModelUpdate> {
    return this.#act('create_cloned_volume', volume.id, signal, progress);
  }

  async deleteVolume(volume: Volume, signal: AbortSignal): Promise<void> {
    await this.#act('delete_volume', volume.id, signal);
  }

  async extendVolume(volume: Volume, _newSize: number, signal: AbortSignal): Promise<void> {
    await this.#act('extend_volume', volume.id, signal);
  }

  async createSnapshot(
    snapshot: Snapshot,
    _volume: Volume,
    signal: AbortSignal,
    progress: Progress,
  ): Promise<ModelUpdate> {
    return this.#act('create_snapshot', snapshot.id, signal, progress);
  }

  async deleteSnapshot(snapshot: Snapshot, _volume: Volume, signal: AbortSignal): Promise<void> {
    await this.#act('delete_snapshot', snapshot.id, signal);
  }

  async ensureExport(volume: Volume, signal: AbortSignal): Promise<void> {
    await this.#act('ensure_export', volume.id, signal);
  }

  async createExport(volume: Volume, _connector: unknown, signal: AbortSignal): Promise<ModelUpdate> {
    return this.#act('create_export', volume.id, signal);
  }

  async removeExport(volume: Volume, signal: AbortSignal): Promise<void> {
    await this.#act('remove_export', volume.id, signal);
  }

  validateConnector(): void {}

  async initializeConnection(volume: Volume, _connector: unknown, signal: AbortSignal): Promise<ConnectionInfo> {
    await this.#act('initialize_connection', volume.id, signal);
    const { attached_mode, readonly } = volume.admin_metadata ?? {};
    const access_mode = attached_mode ?? (readonly === 'True' ? 'ro' : 'rw');
    return { driver_volume_type: 'iscsi', data: { access_mode } };
  }

  async terminateConnection(volume: Volume, _connector: unknown, signal: AbortSignal): Promise<boolean> {
    await this.#act('terminate_connection', volume.id, signal);
    return false;
  }

  async revertToSnapshot(volume: Volume, _snapshot: Snapshot, signal: AbortSignal, progress: Progress): Promise<void> {
    await this.#act('revert_to_snapshot', volume.id, signal, progress);
  }

  async manageExisting(volume: Volume, _existingRef: unknown, signal: AbortSignal): Promise<ModelUpdate> {
    return this.#act('manage_existing', volume.id, signal);
  }

  async manageExistingGetSize(volume: Volume, _existingRef: unknown, signal: AbortSignal): Promise<number> {
    await this.#act('manage_existing_get_size', volume.id, signal);
    return 1;
  }

  async unmanage(volume: Volume, signal: AbortSignal): Promise<void> {
    await this.#act('unmanage', volume.id, signal);
  }

  async getManageableVolumes(known: readonly Volume[], signal: AbortSignal): Promise<readonly ManageableVolume[]> {
    await this.#act('get_manageable_volumes', '-', signal);
    return known.map((volume) => managed({ 'source-id': nameIdOf(volume) }, volume.size, volume.id));
  }

  async manageExistingSnapshot(
    snapshot: Snapshot,
    _volume: Volume,
    _existingRef: unknown,
    signal: AbortSignal,
  ): Promise<ModelUpdate> {
    return this.#act('manage_existing_snapshot', snapshot.id, signal);
  }

  async manageExistingSnapshotGetSize(
    snapshot: Snapshot,
    volume: Volume,
    _existingRef: unknown,
    signal: AbortSignal,
  ): Promise<number> {
    await this.#act('manage_existing_snapshot_get_size', snapshot.id, signal);
    return volume.size;
  }

  async unmanageSnapshot(snapshot: Snapshot, _volume: Volume, signal: AbortSignal): Promise<void> {
    await this.#act('unmanage_snapshot', snapshot.id, signal);
  }

  async getManageableSnapshots(
    known: readonly Snapshot[],
    signal: AbortSignal,
  ): Promise<readonly ManageableSnapshot[]> {
    await this.#act('get_manageable_snapshots', '-', signal);
    return known.map(({ id, volume_id, volume_size }) => ({
      ...managed({ 'source-id': id }, volume_size, id),
      source_reference: { 'source-id': volume_id },
    }));
  }

  /** A file that is gone afterwards: this driver keeps no data. */
  async withLocalPath<T>(
    volume: Volume,
    { write }: { readonly write: boolean },
    body: (path: string, format: LocalFormat) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    await this.#act(write ? 'copy_image_to_volume' : 'copy_volume_to_image', volume.id, signal);
    const folder = await mkdtemp(join(tmpdir(), 'fake-volume-'));
    try {
      const file = join(folder, 'volume');
      await writeFile(file, '', { mode: 0o600 });
      await truncate(file, volume.size * 2 ** 30);
      return await body(file, 'raw');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async close(): Promise<void> {}
}

function managed(reference: ExistingReference, size: number, id: string): ManageableVolume {
  const reason_not_safe = 'already managed';
  return { reference, size, safe_to_manage: false, reason_not_safe, cinder_id: id, extra_info: null };
}

/** Does what the options say of a method; the journal has a line before and, if it comes to that, one after. */
type Act = (method: string, id: string, signal: AbortSignal, progress?: Progress) => Promise<ModelUpdate>;

function actor(values: ValuesOf<typeof options>): Act {
  const delays = byMethod('fake_delay', values.fake_delay, seconds);
  const blocks = byMethod('fake_block', values.fake_block, seconds);
  const failures = byMethod('fake_fail', values.fake_fail, (text) => (text === '' ? Infinity : seconds(text)));
  const deaths = byMethod('fake_die', values.fake_die, (text) => text || 'SIGKILL');
  const journal = (line: string): void => {
    if (values.fake_journal !== undefined) appendFileSync(values.fake_journal, `${process.pid} ${line}\n`);
  };
  return async (method, id, signal, progress) => {
    journal(`${method} ${id} start`);
    const total = 2 ** 30;
    progress?.(0, total);
    die(deaths.get(method));
    block(blocks.get(method) ?? 0);
    const delay = method === 'construct' ? values.fake_construct_delay : 0;
    await sleep((delay + (delays.get(method) ?? delays.get('*') ?? 0)) * 1000, undefined, { signal });
    const left = failures.get(method) ?? failures.get('*') ?? 0;
    if (left > 0) {
      failures.set(failures.has(method) ? method : '*', left - 1);
      throw new VolumeBackendAPIException({ data: `${method} of ${id} fails, as fake_fail says` });
    }
    progress?.(total, total);
    journal(`${method} ${id} end`);
    return {};
  };
}

function byMethod<T>(option: string, items: readonly string[], parse: (text: string) => T | undefined): Map<string, T> {
  return new Map(
    items.map((item) => {
      const [method = '', text = ''] = item.split(':');
      const value = parse(text);
      if (method === '' || value === undefined) throw new Error(`'${item}' in ${option} is not a method and a value`);
      return [method, value];
    }),
  );
}

function seconds(text: string): number | undefined {
  return /^\d*\.?\d+$/.test(text) ? Number(text) : undefined;
}

function die(how: string | undefined): void {
  if (how === undefined) return;
  if (how === 'error') {
    queueMicrotask(() => {
      throw new Error('the fake driver throws where nobody catches, as fake_die says');
    });
  } else {
    process.kill(process.pid, how);
  }
}

function block(time: number): void {
  if (time > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, time * 1000);
}
