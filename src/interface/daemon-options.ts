import { address, bool, host, int, list, type OptionGroup, str } from './options.ts';

/** Options of `[DEFAULT]` that the supervisor and the services themselves read (config.md §12.1). */
const serviceOptions = {
  host: str(undefined, 'Name of this node: part of every service and volume. The machine’s host name where unset.'),
  my_ip: host(undefined, 'Address of this node. The first IPv4 address of the machine where unset.'),
  enabled_backends: list([], 'The sections of the backends that run here.'),
  cluster: str(undefined, 'Name of the active/active cluster of this node.'),
  state_path: str('/var/lib/cinder', 'Folder of what the daemon keeps.'),
  storage_availability_zone: str('nova', 'Zone of this node.'),
  enable_new_services: bool(true, 'Whether a service that registers for the first time is enabled.'),
  volume_manager: str('cinder.volume.manager.VolumeManager', 'Class of the manager; only this one exists here.'),
  report_interval: int(10, 'Seconds between two heartbeats in the database; 0 turns them off.', { mutable: true }),
  periodic_interval: int(60, 'Seconds between two runs of the periodic tasks; 0 turns them off.', { mutable: true }),
  periodic_fuzzy_delay: int(60, 'The first periodic run comes after a random delay of at most so many seconds.'),
  graceful_shutdown_timeout: int(60, 'Seconds that running operations have after SIGTERM; 0 is as long as they need.', {
    mutable: true,
  }),
  monkey_patch: bool(false, 'Load the instrumentation modules of monkey_patch_modules.'),
  monkey_patch_modules: list([], 'Node modules, each as specifier or specifier:export, that are loaded at start.'),
  backdoor_port: str(undefined, 'Accepted; the admin socket has taken its place.'),
  backdoor_socket: str(undefined, 'Accepted; the admin socket has taken its place.'),
} as const;

/** `[volume_daemon]`: options of our own, in a group of their own, so that a shared file stays valid for upstream. */
const daemonOptions = {
  admin_socket: str('/run/cinder/volume-daemon.sock', 'Unix socket of status, drain and reload.'),
  allow_single_backend: bool(
    false,
    'Without enabled_backends run one backend from [DEFAULT], as releases before Ocata.',
  ),
  health_listen: address(
    'Where /livez, /readyz and /status are answered, as host:port. Nowhere but on the admin socket where unset.',
  ),
  metrics_listen: address('Where /metrics is answered for Prometheus, as host:port. Nowhere where unset.'),
  orphan_grace: int(30, 'Seconds that a worker’s operations have when its supervisor has died.', { min: 0 }),
  ready_timeout: int(0, 'Seconds after which systemd is told READY at the latest; 0: when the first backend is up.', {
    min: 0,
  }),
  refuse_duplicate: bool(false, 'Do not start a backend whose row another process keeps fresh.'),
  reload_backends: bool(true, 'Whether SIGHUP adds, removes and replaces backends whose sections changed.', {
    mutable: true,
  }),
  respawn_backoff_max: int(60, 'Seconds that a worker which keeps dying is waited for at most.', {
    min: 1,
    mutable: true,
  }),
  rpc_lost_grace: int(0, 'Seconds without a consumer after which heartbeats stop; 0 is twice report_interval.', {
    min: 0,
    mutable: true,
  }),
  strict_config: bool(false, 'Tell of unknown options as warnings.'),
  worker_stuck_timeout: int(0, 'Seconds after which a silent worker is killed and replaced; 0 is never.', {
    min: 0,
    mutable: true,
  }),
} as const;

/** Read from the section of a backend alone, never from [backend_defaults] (C-072). */
export const sectionOptions = {
  backend_host: str(undefined, 'Node name of this backend’s service, in place of host.'),
} as const;

/** Where upstream's attach library keeps its locks. */
const osBrickOptions = {
  lock_path: str(undefined, 'Folder of the attach library’s lock files; [oslo_concurrency] lock_path where unset.'),
} as const;

/** Report files (config.md §12.10). */
const reportOptions = {
  log_dir: str(undefined, 'Folder for the files of SIGUSR2; stderr where unset.'),
  file_event_handler: str(undefined, 'File whose change asks for a report, in place of the signal.'),
  file_event_handler_interval: int(1, 'Seconds between two looks at that file.', { min: 1 }),
} as const;

export const serviceGroup = { group: 'DEFAULT', options: serviceOptions } satisfies OptionGroup;
export const daemonGroup = { group: 'volume_daemon', options: daemonOptions } satisfies OptionGroup;
export const reportGroup = { group: 'oslo_reports', options: reportOptions } satisfies OptionGroup;
export const osBrickGroup = { group: 'os_brick', options: osBrickOptions } satisfies OptionGroup;
