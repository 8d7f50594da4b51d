import { bool, choice, int, list, multi, port, str } from '../../interface/options.ts';

/** Images: what the libraries below Cinder read. */
const images = {
  compression_format: choice(['gzip'], 'gzip', 'How uploaded images are compressed'),
  glance_api_ssl_compression: bool(false, 'Compress the TLS connection to the image service'),
  glance_core_properties: list(
    'checksum container_format disk_format image_name image_id min_disk min_ram name size'.split(' '),
    'Properties of an image that are its own and not its user’s',
  ),
  reserved_image_namespaces: list([], 'Properties that are not copied back to images'),
};

/** Of cinder-api, cinder-scheduler and cinder-backup, which share the file. */
const otherServices = {
  allow_availability_zone_fallback: bool(false, 'API: take another zone where the wanted one is missing'),
  api_rate_limit: bool(true, 'API: limit the rate of requests'),
  auth_strategy: choice(['noauth', 'noauth_include_project_id', 'keystone'], 'keystone', 'API: who checks users'),
  backup_api_class: str('cinder.backup.api.API', 'Backup service'),
  backup_manager: str('cinder.backup.manager.BackupManager', 'Backup service'),
  backup_name_template: str('backup-%s', 'Backup service: how backups are named'),
  compute_api_class: str('cinder.compute.nova.API', 'Who speaks with the compute service'),
  consistencygroup_api_class: str('cinder.consistencygroup.api.API', 'API'),
  default_availability_zone: str(undefined, 'API: the zone of volumes without one'),
  default_group_type: str(undefined, 'API: the type of groups without one'),
  group_api_class: str('cinder.group.api.API', 'API'),
  osapi_max_limit: int(1000, 'API: rows of one answer'),
  osapi_volume_ext_list: list([], 'API: extensions'),
  osapi_volume_extension: multi(['cinder.api.contrib.standard_extensions'], 'API: extensions'),
  osapi_volume_listen: str('0.0.0.0', 'API: its address'),
  osapi_volume_listen_port: port(8776, 'API: its port'),
  osapi_volume_use_ssl: bool(false, 'API: TLS'),
  osapi_volume_workers: int(undefined, 'API: its processes'),
  policy_file: str(undefined, 'API: the file of its policy'),
  project_id_regex: str('[0-9a-f\\-]+', 'API: form of project ids'),
  public_endpoint: str(undefined, 'API: its URL as users see it'),
  resource_query_filters_file: str('/etc/cinder/resource_filters.json', 'API: what lists may be filtered by'),
  scheduler_manager: str('cinder.scheduler.manager.SchedulerManager', 'Scheduler'),
  transfer_api_class: str('cinder.transfer.api.API', 'API'),
  volume_api_class: str('cinder.volume.api.API', 'API'),
  volume_usage_audit_period: str('month', 'cinder-volume-usage-audit: the time it looks back'),
};

/** Of this service, without a use here or not yet. */
const ownService = {
  backdoor_port: str(undefined, 'Port of a debug shell, which this daemon does not open'),
  backdoor_socket: str(undefined, 'Socket of a debug shell, which this daemon does not open'),
  backend_name: str(undefined, 'Windows only'),
  cinder_internal_tenant_project_id: str(undefined, 'Project of volumes that belong to the service'),
  cinder_internal_tenant_user_id: str(undefined, 'User of volumes that belong to the service'),
  cluster: str(undefined, 'Cluster of services that share their backends'),
  rootwrap_config: str('/etc/cinder/rootwrap.conf', 'Configuration of the root helper'),
  run_external_periodic_tasks: bool(true, 'Run periodic tasks of others'),
  split_loggers: bool(false, 'A logger for each kind of HTTP record'),
  zoning_mode: str(undefined, 'Fibre Channel zones: fabric or nothing'),
};

export const defaultOptions = { ...images, ...otherServices, ...ownService };
