import { bool, choice, host, int, list, port, str, type ValuesOf } from '../interface/options.ts';

/** Upstream's helpers; those that are not ours are refused by name, not as a wrong value. */
const helpers = [
  'tgtadm',
  'lioadm',
  'scstadmin',
  'iscsictl',
  'ietadm',
  'nvmet',
  'spdk-nvmeof',
  'fake',
  'local',
] as const;

/** What a backend's section says of its exports. */
export const targetOptions = {
  target_helper: choice(helpers, 'tgtadm', 'Tool that makes targets; local exports nothing but the path'),
  target_protocol: choice(['iscsi', 'iser', 'nvmet_rdma', 'nvmet_tcp'], 'iscsi', 'Protocol of the targets'),
  target_ip_address: host('$my_ip', 'Address of the portal that hosts connect to'),
  target_port: port(3260, 'Port of that portal'),
  iscsi_secondary_ip_addresses: list([], 'Further portal addresses'),
  target_secondary_ip_addresses: list([], 'Further portal addresses'),
  target_prefix: str('iqn.2010-10.org.openstack:', 'What stands before the volume in the name of its target'),
  volumes_dir: str('$state_path/volumes', 'Folder of the files from which tgtd can make the targets again'),
  use_chap_auth: bool(false, 'Take CHAP credentials from chap_username and chap_password; otherwise they are made up'),
  chap_username: str('', 'CHAP user of every target'),
  chap_password: str('', 'CHAP password of every target', { secret: true }),
  iscsi_write_cache: choice(['on', 'off'], 'on', 'Whether tgt may keep written data in the page cache'),
  iscsi_target_flags: str('', 'Flags of tgt for its backing store, such as direct or sync'),
  num_shell_tries: int(3, 'How often a command that can fail by chance is tried', { min: 1 }),
};

export type TargetValues = ValuesOf<typeof targetOptions>;
