import { WrongValue } from '../base/errors.ts';
import type { PoolStats, VolumeStats } from '../interface/volume-driver.ts';
import { poolOf } from '../objects/host.ts';
import { isRecord } from '../objects/versioned-object.ts';
import type { VolumeSettings } from './options.ts';

/** What this backend last said of itself, and how much Cinder has placed on each pool of it (manager.md §3). */
export class CapabilityReport {
  readonly #allocated = new Map<string, number>();
  #stats: VolumeStats | undefined;
  #described: Readonly<Record<string, unknown>> = {};
  #left = true;

  /** The last report as it was sent; undefined before the first. */
  get stats(): VolumeStats | undefined {
    return this.#stats;
  }

  /** What get_capabilities answers (manager.md §12.1): the figures of the driver's set-up, and descriptions. */
  get described(): Readonly<Record<string, unknown>> {
    return this.#described;
  }

  /** Forgets what was counted: init_host counts anew. */
  reset(): void {
    this.#allocated.clear();
  }

  /** Adds `size` GiB, which may be negative, to the pool of `host`; a pool never falls below zero (manager.md §3.2). */
  allocate(host: string | null, size: number, settings: VolumeSettings): void {
    const pool = (host === null ? undefined : poolOf(host)) ?? settings.volume_backend_name ?? '_pool0';
    this.#allocated.set(pool, Math.max(0, (this.#allocated.get(pool) ?? 0) + size));
  }

  /** Notes whether the last report has left; true where it is the first that has not: an outage is told once (G-062). */
  leaves(left: boolean): boolean {
    const isNews = this.#left && !left;
    this.#left = left;
    return isNews;
  }

  /** Keeps the driver's figures for get_capabilities. */
  describe(stats: VolumeStats): void {
    this.#described = { ...stats, properties };
  }

  /** Completes the driver's figures to a report, in the order of scheduler-stats.md §3.2. */
  complete(stats: VolumeStats, settings: VolumeSettings): VolumeStats {
    const extra = parseExtraCapabilities(settings.extra_capabilities);
    const pools = stats.pools?.map((pool) => ({
      ...pool,
      ...extra,
      allocated_capacity_gb: this.#allocated.get(pool.pool_name) ?? 0,
      ...cacheable(pool, stats),
    }));
    this.#stats = {
      ...stats,
      ...(pools === undefined ? { ...extra, ...this.#flat(stats) } : { pools }),
      filter_function: stats['filter_function'] ?? settings.filter_function ?? null,
      goodness_function: stats['goodness_function'] ?? settings.goodness_function ?? null,
    };
    return this.#stats;
  }

  /** A driver without pools has one counter (scheduler-stats.md §3.3). */
  #flat(stats: VolumeStats): Record<string, unknown> {
    const allocated = [...this.#allocated.values()].reduce((sum, size) => sum + size, 0);
    return { allocated_capacity_gb: allocated, ...cacheable(undefined, stats) };
  }
}

/** The JSON object of `extra_capabilities`. Throws ValueError for anything else: the backend then does not start. */
export function parseExtraCapabilities(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new WrongValue(`extra_capabilities is no JSON: ${text.slice(0, 60)}`, {}, { cause: error });
  }
  if (!isRecord(value)) throw new WrongValue(`extra_capabilities must be a JSON object, not ${text.slice(0, 60)}`);
  return value;
}

const cacheableProtocols = new Set(['iSCSI', 'iscsi', 'FC', 'fibre_channel', 'fc', 'NVMe-oF', 'NVMeOF', 'nvmeof']);

function cacheable(pool: PoolStats | undefined, stats: VolumeStats): { cacheable?: boolean } {
  const said = pool?.['cacheable'] ?? stats['cacheable'];
  const protocol = String(pool?.['storage_protocol'] ?? stats.storage_protocol);
  if (said !== undefined) return {};
  return cacheableProtocols.has(protocol) ? { cacheable: true } : {};
}

function property(title: string, description: string): Readonly<Record<string, string>> {
  return { title, description, type: 'boolean' };
}

const properties = {
  thin_provisioning: property('Thin Provisioning', 'Sets thin provisioning.'),
  compression: property('Compression', 'Enables compression.'),
  qos: property('QoS', 'Enables QoS.'),
  replication_enabled: property('Replication', 'Enables replication.'),
} as const;
