import type { HistogramCounts } from '../base/histogram.ts';
import { type BackendStatus, type DaemonStatus, isUp } from '../interface/daemon-status.ts';
import type { VolumeStats } from '../interface/volume-driver.ts';
import type { Routes } from './routes.ts';

type Labels = Readonly<Record<string, string>>;

/** `metricName` where it is not the metric's own: a histogram has three. */
interface Sample {
  readonly value: number;
  readonly labels: Labels;
  readonly metricName?: string;
}

interface Family {
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly help: string;
  readonly values: readonly Sample[];
}

/**
 * What Prometheus scrapes (O-16): the numbers of `/status`, and what the workers counted, in its text format. Counters
 * begin at 0 again with their worker. Loads the library that writes the format: ask only where metrics are wanted.
 */
export async function metricsRoutes(status: () => DaemonStatus): Promise<Routes> {
  const { AggregatorRegistry } = (await import('prom-client')).default;
  return {
    'GET /metrics': async () => {
      const families = familiesOf(status()).filter(({ values }) => values.length > 0);
      const registry = AggregatorRegistry.aggregate([families.map((family) => ({ ...family, aggregator: 'first' }))]);
      return { status: 200, body: await registry.metrics(), type: registry.contentType };
    },
  };
}

function familiesOf(status: DaemonStatus): Family[] {
  const { backends } = status;
  /** One number of each backend; none where it is not known. Its label is the service's host, as in `service list`. */
  const each = (value: (backend: BackendStatus) => number | null | undefined): Sample[] =>
    backends.flatMap((backend) => {
      const known = value(backend);
      return typeof known === 'number' ? [{ value: known, labels: { backend: backend.host } }] : [];
    });
  /** Several numbers of each backend, told apart by `label`. */
  const by = (label: string, counts: (backend: BackendStatus) => Readonly<Record<string, number>>): Sample[] =>
    backends.flatMap((backend) =>
      Object.entries(counts(backend)).map(([word, value]) => ({
        value,
        labels: { backend: backend.host, [label]: word },
      })),
    );
  return [
    gauge(
      'backend_up',
      'Whether the backend takes requests and its driver works.',
      each((one) => Number(isUp(one))),
    ),
    gauge(
      'driver_initialized',
      'Whether the set-up of the driver has succeeded.',
      each(({ driver }) => Number(driver?.initialized === true)),
    ),
    counter(
      'worker_restarts_total',
      'Starts of the worker beyond the first, by what its predecessor ended of.',
      by('reason', ({ restart_reasons }) => restart_reasons),
    ),
    gauge(
      'heartbeat_age_seconds',
      'Since the last report in the database.',
      each(({ last_db_report: at }) => (at === null ? null : Math.max(0, (Date.now() - at) / 1000))),
    ),
    histogram('heartbeat_lateness_seconds', 'By how much reports came later than they were due.', (name) =>
      backends.flatMap(({ host, measures }) => spread(name, { backend: host }, measures.heartbeat_lateness)),
    ),
    gauge(
      'rpc_connected',
      'Whether requests are consumed from the message broker.',
      each(({ rpc_connected }) => Number(rpc_connected)),
    ),
    counter(
      'rpc_requests_total',
      'Requests that have ended, by method and by `ok` or the class of the failure.',
      requests(backends),
    ),
    histogram('rpc_duration_seconds', 'From the arrival of a request to its end.', (name) =>
      backends.flatMap(({ host, measures }) =>
        Object.entries(measures.durations).flatMap(([method, counts]) =>
          spread(name, { backend: host, method }, counts),
        ),
      ),
    ),
    gauge('operations_in_flight', 'Requests that hold a slot.', by('method', inFlight)),
    counter(
      'operations_recovered_total',
      'Operations of a worker that had died, finished or failed by its successor.',
      by('type', ({ measures }) => measures.recovered),
    ),
    gauge(
      'db_pool_in_use',
      'Work that the database has not ended yet.',
      each(({ measures }) => measures.db_in_use),
    ),
    counter(
      'db_errors_total',
      'Work that failed for the sake of the database.',
      each(({ measures }) => measures.db_errors),
    ),
    gauge(
      'event_loop_lag_seconds',
      'How late the worker was at the last look.',
      each(({ lag_ms }) => lag_ms / 1000),
    ),
    gauge('resident_memory_bytes', 'Memory of the supervisor and of each worker.', [
      { value: status.memory, labels: { process: 'supervisor' } },
      ...each(({ memory }) => memory).map(({ value, labels }) => ({ value, labels: { process: 'worker', ...labels } })),
    ]),
    counter(
      'config_reloads_total',
      'Reloads of the configuration, by what became of them.',
      Object.entries(status.reloads).map(([result, value]) => ({ value, labels: { result } })),
    ),
    counter('log_suppressed_total', 'Log records that were held back or dropped.', [
      { value: status.log_suppressed, labels: { process: 'supervisor' } },
      ...each(({ measures }) => measures.log_suppressed).map(({ value, labels }) => ({
        value,
        labels: { process: 'worker', ...labels },
      })),
    ]),
    ...(['total', 'free', 'allocated', 'provisioned'] as const).map((what) =>
      gauge(
        `pool_capacity_${what}_gb`,
        `The ${what} capacity of a pool in GiB.`,
        pools(backends, `${what}_capacity_gb`),
      ),
    ),
  ];
}

const prefix = 'volume_daemon_';

function gauge(name: string, help: string, values: readonly Sample[]): Family {
  return { name: prefix + name, type: 'gauge', help, values };
}

function counter(name: string, help: string, values: readonly Sample[]): Family {
  return { name: prefix + name, type: 'counter', help, values };
}

function histogram(name: string, help: string, values: (name: string) => readonly Sample[]): Family {
  return { name: prefix + name, type: 'histogram', help, values: values(prefix + name) };
}

function spread(name: string, labels: Labels, counts: HistogramCounts | null): Sample[] {
  if (counts === null) return [];
  const { bounds, atMost, count, sum } = counts;
  const bucket = (le: string, value: number): Sample => ({
    value,
    labels: { ...labels, le },
    metricName: `${name}_bucket`,
  });
  return [
    ...bounds.map((bound, index) => bucket(String(bound), atMost[index] ?? 0)),
    bucket('+Inf', count),
    { value: sum, labels, metricName: `${name}_sum` },
    { value: count, labels, metricName: `${name}_count` },
  ];
}

function requests(backends: readonly BackendStatus[]): Sample[] {
  return backends.flatMap(({ host, measures }) =>
    Object.entries(measures.requests).flatMap(([method, results]) =>
      Object.entries(results).map(([result, value]) => ({ value, labels: { backend: host, method, result } })),
    ),
  );
}

function inFlight({ inflight }: BackendStatus): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { method } of inflight) counts[method] = (counts[method] ?? 0) + 1;
  return counts;
}

/** A capacity of each pool. One that is no number, such as `infinite`, has no sample. */
function pools(backends: readonly BackendStatus[], key: string): Sample[] {
  return backends.flatMap(({ host, stats }) =>
    poolsOf(stats).flatMap(({ name, stats: { [key]: value } }) =>
      typeof value === 'number' ? [{ value, labels: { backend: host, pool: name } }] : [],
    ),
  );
}

type Capabilities = Readonly<Record<string, unknown>>;

function poolsOf(stats: VolumeStats | null): { readonly name: string; readonly stats: Capabilities }[] {
  if (stats === null) return [];
  if (stats.pools === undefined) return [{ name: stats.volume_backend_name, stats }];
  return stats.pools.map((pool) => ({ name: pool.pool_name, stats: pool }));
}
