import { bool, choice, int, list, multiDict, port, str } from '../../interface/options.ts';

const lvm = {
  lvm_conf_file: str('/etc/cinder/lvm.conf', 'Configuration that LVM runs with; None for its own'),
  lvm_mirrors: int(0, 'Mirror copies of a volume'),
  lvm_share_target: bool(false, 'One target for all volumes of a host'),
  lvm_suppress_fd_warnings: bool(false, 'Hide what LVM says of open descriptors'),
  lvm_type: choice(['default', 'thin', 'auto'], 'auto', 'Thick or thin volumes, or whatever the group is made for'),
  volume_clear: choice(['none', 'zero'], 'zero', 'What happens to the data of a deleted volume'),
  volume_clear_ionice: str(undefined, 'Class and level of I/O for wiping'),
  volume_clear_size: int(0, 'MiB to wipe, 0 for all', { max: 1024 }),
  volume_copy_blkio_cgroup_name: str('cinder-volume-copy', 'Control group of copies with a limit'),
  volume_copy_bps_limit: int(0, 'Bytes a second of a copy, 0 for no limit'),
  volume_dd_blocksize: str('1M', 'Block size of copies'),
  volume_group: str('cinder-volumes', 'Volume group of the backend'),
};

const nfs = {
  nas_host: str('', 'Address of the NAS'),
  nas_login: str('admin', 'User on the NAS'),
  nas_mount_options: str(undefined, 'Options of the mount'),
  nas_password: str('', 'Password of that user', { secret: true }),
  nas_private_key: str('', 'File with its SSH key'),
  nas_secure_file_operations: str('auto', 'Whether files are handled without root: true, false or auto'),
  nas_secure_file_permissions: str('auto', 'Whether files are closed to others: true, false or auto'),
  nas_share_path: str('', 'Export of the NAS'),
  nas_ssh_port: port(22, 'SSH port of the NAS'),
  nas_volume_prov_type: choice(['thin', 'thick'], 'thin', 'Thin or thick volumes'),
  nfs_mount_attempts: int(3, 'How often a mount is tried'),
  nfs_mount_options: str(undefined, 'Options of the mounts'),
  nfs_mount_point_base: str('$state_path/mnt', 'Where shares are mounted'),
  nfs_qcow2_volumes: bool(false, 'QCOW2 files instead of raw ones'),
  nfs_shares_config: str('/etc/cinder/nfs_shares', 'File with a share a line'),
  nfs_snapshot_support: bool(false, 'Allow snapshots'),
  nfs_sparsed_volumes: bool(true, 'Sparse files'),
};

const rbd = {
  deferred_deletion_delay: int(0, 'Seconds that a deleted image stays in the trash'),
  deferred_deletion_purge_interval: int(60, 'Seconds between looks into the trash'),
  enable_deferred_deletion: bool(false, 'Put deleted images into the trash'),
  rados_connect_timeout: int(-1, 'Seconds to connect, below 0 as the library has it'),
  rados_connection_interval: int(5, 'Seconds between tries to connect'),
  rados_connection_retries: int(3, 'Tries to connect'),
  rbd_ceph_conf: str('', 'Configuration of the cluster'),
  rbd_cluster_name: str('ceph', 'Name of the cluster'),
  rbd_concurrent_flatten_operations: int(3, 'Images that are flattened at a time', { min: 0 }),
  rbd_exclusive_cinder_pool: bool(true, 'Only this service uses the pool'),
  rbd_flatten_volume_from_snapshot: bool(false, 'Make new volumes independent of their snapshot'),
  rbd_max_clone_depth: int(5, 'Longest chain of clones; 0 for full copies'),
  rbd_pool: str('rbd', 'Pool of the volumes'),
  rbd_secret_uuid: str(undefined, 'Secret of libvirt that opens the pool'),
  rbd_store_chunk_size: int(4, 'MiB of one object'),
  rbd_user: str(undefined, 'User of the cluster'),
  replication_connect_timeout: int(5, 'Seconds to connect to a cluster before it is given up'),
  report_dynamic_total_capacity: bool(true, 'Capacity is what is used and free, not the quota of the pool'),
};

/** Target helpers other than those of the storage room. */
const targets = {
  chiscsi_conf: str('/etc/chelsio-iscsi/chiscsi.conf', 'Configuration of the Chelsio target'),
  iet_conf: str('/etc/iet/ietd.conf', 'Configuration of the IET target', {
    removal: 'the IET target is gone from Cinder',
  }),
  iser_helper: str('tgtadm', 'iSER: the helper'),
  iser_ip_address: str('$my_ip', 'iSER: the address'),
  iser_port: port(3260, 'iSER: the port'),
  iser_target_prefix: str('iqn.2010-10.org.openstack:', 'iSER: how names begin'),
  num_iser_scan_tries: int(3, 'iSER: looks for a device'),
  nvmeof_conn_info_version: int(1, 'NVMe-oF: form of the connection', { min: 1, max: 2 }),
  nvmet_ns_id: int(10, 'NVMe-oF: id of the name space'),
  nvmet_port_id: port(1, 'NVMe-oF: id of the port'),
  scst_target_driver: str('iscsi', 'SCST: its driver'),
  scst_target_iqn_name: str(undefined, 'SCST: its name'),
};

const general = {
  backend_native_threads_pool_size: int(20, 'Threads for calls that block', { min: 20 }),
  disk_geometry: choice(['512', '512e', '4k'], undefined, 'Sector sizes of the disks'),
  driver_client_cert: str(undefined, 'Certificate shown to the array'),
  driver_client_cert_key: str(undefined, 'Key of that certificate'),
  driver_data_namespace: str(undefined, 'Name space of a driver’s own data'),
  driver_ssl_cert_path: str(undefined, 'Authority that signs for the array'),
  driver_ssl_cert_verify: bool(false, 'Check the certificate of the array'),
  driver_use_ssl: bool(false, 'TLS to the array'),
  enforce_multipath_for_image_xfer: bool(false, 'Without multipath no image is copied'),
  num_volume_device_scan_tries: int(3, 'Looks for a device'),
  replication_device: multiDict('A target of replication', { secret: true }),
  storage_protocol: choice(['iSCSI', 'FC'], 'iSCSI', 'How hosts reach the array'),
  suppress_requests_ssl_warnings: bool(false, 'Hide what is said of certificates'),
  trace_flags: list([], 'What to trace: method, api'),
  unique_fqdn_network: bool(true, 'Names of hosts are unique'),
  use_multipath_for_image_xfer: bool(false, 'Copy images over several paths'),
};

export const backendTables = [lvm, nfs, rbd, targets, general];
