import { capacityOptions } from '../interface/capacity-options.ts';
import { bool, int, list, multiDict, type OptionGroup, str, type ValuesOf } from '../interface/options.ts';
import { quotaOptions } from '../interface/quota-options.ts';
import { imageBackendOptions, imageManagerOptions } from './image-options.ts';

/** Options of `[DEFAULT]` that operations read (config.md §12.1). */
export const managerOptions = {
  service_down_time: int(60, 'Seconds since the last heartbeat after which a service counts as down.', {
    mutable: true,
  }),
  backend_stats_polling_interval: int(60, 'Seconds between two capability reports to the scheduler.', {
    min: 3,
    mutable: true,
  }),
  init_host_max_objects_retrieval: int(
    0,
    'Rows that are read at once when the service starts; 0 lets the daemon choose.',
    {
      min: 0,
    },
  ),
  reinit_driver_count: int(3, 'Tries of the driver set-up that follow each other quickly, after 1, 2, 4 … seconds.', {
    min: 0,
  }),
  volume_service_inithost_offload: bool(false, 'Run interrupted deletes in the background at start. They always are.'),
  ...quotaOptions,
  migration_create_volume_timeout_secs: int(
    300,
    'Seconds that the destination of a migration may take to make the volume.',
    { min: 1, mutable: true },
  ),
  backup_use_same_host: bool(false, 'Restore a backup by the service that made it.'),
  ...imageManagerOptions,
  cinder_internal_tenant_project_id: str(undefined, 'Project that owns the volumes the service makes for itself.'),
  cinder_internal_tenant_user_id: str(undefined, 'User that owns the volumes the service makes for itself.'),
} as const;

/** Options of a backend's section that the manager reads whatever the driver (config.md §12.2). */
export const backendOptions = {
  volume_driver: str('cinder.volume.drivers.lvm.LVMVolumeDriver', 'The storage driver of the backend.'),
  ...capacityOptions,
  ...imageBackendOptions,
  backend_availability_zone: str(undefined, 'Zone of the backend; storage_availability_zone where unset.'),
  enable_unsupported_driver: bool(false, 'Let a driver start that is marked as unsupported.'),
  extra_capabilities: str('{}', 'JSON object that is added to every pool of the capability report.'),
  backup_use_temp_snapshot: bool(false, 'Back up attached volumes from a snapshot instead of a clone.'),
  report_discard_supported: bool(false, 'Tell hosts that the volumes take discard.'),
  replication_device: multiDict('A replication target: one dictionary an assignment.', { secret: true }),
  trace_flags: list([], 'Accepted for existing files.', { ignored: true }),
} as const;

/** Own options of the daemon that decide about interrupted and lost work (config.md §12.1). */
export const recoveryOptions = {
  handover_grace: int(
    40,
    'Seconds after which a request whose message never came is taken up from its row; 0 is never.',
    {
      min: 0,
    },
  ),
  cleanup_interrupted_creates: str('redo', 'What becomes of a create that a crash cut off: redo or error.', {
    choices: ['redo', 'error'],
  }),
} as const;

export const volumeOptionGroups: readonly OptionGroup[] = [
  { group: 'DEFAULT', options: managerOptions },
  { group: 'volume_daemon', options: recoveryOptions },
];

/** What operations read of the configuration; replaced as a whole when SIGHUP changes a mutable option. */
export type VolumeSettings = ValuesOf<typeof managerOptions> &
  ValuesOf<typeof backendOptions> &
  ValuesOf<typeof recoveryOptions>;
