import { bool, choice, int, type OptionTable, str } from '../../interface/options.ts';

const tls = {
  cafile: str(undefined, 'Authority that signs for the service'),
  certfile: str(undefined, 'Certificate shown to the service'),
  collect_timing: bool(false, 'Take the time of each request'),
  insecure: bool(false, 'Trust any certificate'),
  keyfile: str(undefined, 'Key of that certificate'),
  split_loggers: bool(false, 'A logger for each kind of record'),
  timeout: int(undefined, 'Seconds that a request may take'),
};

/** How a service is reached as a user of Keystone: the options of all plug-ins in use. */
export const authentication = {
  ...tls,
  auth_type: str(undefined, 'Plug-in, such as password', { was: ['auth_plugin'] }),
  auth_section: str(undefined, 'Another section with these options'),
  auth_url: str(undefined, 'URL of Keystone'),
  username: str(undefined, 'User', { was: ['user_name', 'user-name'] }),
  user_id: str(undefined, 'Id of the user'),
  password: str(undefined, 'Password of the user', { secret: true }),
  user_domain_name: str(undefined, 'Domain of the user'),
  user_domain_id: str(undefined, 'Id of that domain'),
  project_name: str(undefined, 'Project', { was: ['tenant_name'] }),
  project_id: str(undefined, 'Id of the project', { was: ['tenant_id'] }),
  project_domain_name: str(undefined, 'Domain of the project'),
  project_domain_id: str(undefined, 'Id of that domain'),
  default_domain_name: str(undefined, 'Domain of user and project'),
  default_domain_id: str(undefined, 'Id of that domain'),
  domain_name: str(undefined, 'Scope: a domain'),
  domain_id: str(undefined, 'Scope: the id of a domain'),
  system_scope: str(undefined, 'Scope: the system'),
  trust_id: str(undefined, 'Scope: a trust'),
  application_credential_id: str(undefined, 'Application credential'),
  application_credential_name: str(undefined, 'Name of the application credential'),
  application_credential_secret: str(undefined, 'Secret of the application credential', { secret: true }),
} satisfies OptionTable;

const interfaces = ['public', 'internal', 'admin', 'publicURL', 'internalURL', 'adminURL'] as const;

const barbican = {
  ...tls,
  auth_endpoint: str('http://localhost/identity/v3', 'URL of Keystone', { was: ['key_manager.auth_url'] }),
  barbican_api_version: str(undefined, 'Version of its API'),
  barbican_endpoint: str(undefined, 'Its URL'),
  barbican_endpoint_type: choice(['public', 'internal', 'admin'], 'public', 'Kind of endpoint'),
  barbican_region_name: str(undefined, 'Its region'),
  number_of_retries: int(60, 'Looks for a new key'),
  retry_delay: int(1, 'Seconds between them'),
  send_service_user_token: bool(false, 'Requests carry the token of the service as well'),
  verify_ssl: bool(true, 'Check its certificate'),
  verify_ssl_path: str(undefined, 'Authority that signs for it'),
};

const vault = {
  ...tls,
  approle_role_id: str(undefined, 'Role'),
  approle_secret_id: str(undefined, 'Secret of the role', { secret: true }),
  kv_mountpoint: str('secret', 'Where its store is mounted'),
  kv_version: int(2, 'Version of the store'),
  namespace: str(undefined, 'Name space'),
  root_token_id: str(undefined, 'Root token', { secret: true }),
  ssl_ca_crt_file: str(undefined, 'Authority that signs for it'),
  use_ssl: bool(false, 'TLS'),
  vault_url: str('http://127.0.0.1:8200', 'Its URL'),
};

/** Services that this one asks in Cinder, and the key managers. */
export const serviceGroups = [
  {
    group: 'nova',
    options: {
      ...authentication,
      region_name: str(undefined, 'Region of the compute service'),
      interface: choice(interfaces, 'public', 'Kind of endpoint'),
      token_auth_url: str(undefined, 'URL of Keystone for the user’s own token'),
    },
  },
  { group: 'glance', options: { ...authentication, region_name: str(undefined, 'Region of the image service') } },
  {
    group: 'service_user',
    options: {
      ...authentication,
      send_service_user_token: bool(false, 'Requests carry the token of the service as well'),
    },
  },
  { group: 'barbican', options: barbican },
  { group: 'barbican_service_user', options: authentication },
  { group: 'vault', options: vault },
  {
    group: 'key_manager',
    options: {
      backend: str('barbican', 'Who keeps the keys', { was: ['api_class'] }),
      fixed_key: str(undefined, 'The only key of the manager for tests', { secret: true }),
    },
  },
];
