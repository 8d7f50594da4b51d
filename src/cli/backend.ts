import { Float } from '../base/python-float.ts';
import { type BackendStatus, isUp } from '../interface/daemon-status.ts';
import { driverWord, type PoolStats } from '../interface/volume-driver.ts';
import type { Cell } from './cells.ts';
import { type Command, CommandError, command } from './command.ts';
import { duration } from './durations.ts';
import { required, text } from './flags.ts';

const statusTitles = [
  'Name',
  'Driver',
  'State',
  'PID',
  'Last Heartbeat',
  'RPC',
  'In Flight',
  'Restarts',
  'Reason',
] as const;
const poolTitles = [
  'Name',
  'Protocol',
  'Thick',
  'Thin',
  'Volumes',
  'Capacity',
  'Free',
  'Allocated',
  'Max Over Ratio',
] as const;

/** The commands that ask the running daemon about its backends. */
export const backendCommands: readonly Command[] = [
  command({
    name: 'backend status',
    help: 'Show how the backends are doing',
    flags: {},
    positionals: {},
    output: 'list',
    async run(_values, context) {
      const { askStatus } = await import('./daemon.ts');
      const { printList } = await import('./print.ts');
      const { backends } = await askStatus(context);
      await printList(context, statusTitles, backends.map(statusRow), context.output);
      return backends.every(isUp) ? 0 : 1;
    },
  }),
  command({
    name: 'backend pools',
    help: 'Show the pools and their capacity in GiB',
    flags: {},
    positionals: {},
    output: 'list',
    async run(_values, context) {
      const { askStatus } = await import('./daemon.ts');
      const { printList } = await import('./print.ts');
      const { backends } = await askStatus(context);
      const rows = backends.flatMap((backend) => (backend.stats?.pools ?? []).map((pool) => poolRow(backend, pool)));
      await printList(context, poolTitles, rows, context.output);
      return 0;
    },
  }),
  command({
    name: 'backend reinit',
    help: "Try a driver's set-up now instead of at its next try",
    flags: {},
    positionals: { backend: required(text(undefined, 'The backend, by its section', { shown: 'BACKEND' })) },
    async run({ backend }, context) {
      const { ask } = await import('./daemon.ts');
      const answer = await ask(context, 'POST', '/reinit', { body: { backend } });
      if (answer.status !== 200) throw new CommandError((answer.body as { error: string }).error);
      return 0;
    },
  }),
];

function statusRow(backend: BackendStatus): readonly Cell[] {
  const heartbeat = backend.last_db_report === null ? null : duration(Date.now() - backend.last_db_report);
  return [
    backend.name,
    backend.driver === null ? null : driverWord(backend.driver.name),
    backend.responding ? backend.state : 'not responding',
    backend.pid,
    heartbeat,
    backend.rpc_connected ? 'up' : 'down',
    backend.inflight.length,
    backend.restarts,
    backend.reason,
  ];
}

function poolRow(backend: BackendStatus, pool: PoolStats): readonly Cell[] {
  return [
    `${backend.host}#${pool.pool_name}`,
    backend.stats?.storage_protocol ?? null,
    pool.thick_provisioning_support === true,
    pool.thin_provisioning_support === true,
    typeof pool['total_volumes'] === 'number' ? pool['total_volumes'] : null,
    whole(pool.total_capacity_gb),
    whole(pool.free_capacity_gb),
    whole(pool['allocated_capacity_gb']),
    ratio(pool.max_over_subscription_ratio),
  ];
}

function whole(capacity: unknown): Cell {
  if (typeof capacity === 'number') return Math.round(capacity);
  return typeof capacity === 'string' ? capacity : null;
}

function ratio(value: unknown): Cell {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number === 'number' && Number.isFinite(number)) return new Float(number);
  return typeof value === 'string' ? value : null;
}
