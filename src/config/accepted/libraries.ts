import { bool, choice, float, int, list, multi, type OptionTable, str } from '../../interface/options.ts';
import { authentication } from './services.ts';

/** What a helper process of oslo.privsep may do, and as whom. */
function privsep(logger: string, capabilities: string): OptionTable {
  return {
    capabilities: str(capabilities, 'Capabilities of the helper'),
    group: str(undefined, 'Its group'),
    helper_command: str(undefined, 'How it is started'),
    logger_name: str(logger, 'Its logger'),
    thread_pool_size: int(undefined, 'Its threads', { min: 1 }),
    user: str(undefined, 'Its user'),
  };
}

const policy = {
  enforce_new_defaults: bool(false, 'API: rules of its policy'),
  enforce_scope: bool(false, 'API: rules of its policy'),
  policy_default_rule: str('default', 'API: rules of its policy'),
  policy_dirs: multi(['policy.d'], 'API: folders of its policy'),
  policy_file: str('policy.yaml', 'API: the file of its policy'),
  remote_content_type: choice(
    ['application/x-www-form-urlencoded', 'application/json'],
    'application/x-www-form-urlencoded',
    'API: how another server is asked',
  ),
  remote_ssl_ca_crt_file: str(undefined, 'API: authority that signs for that server'),
  remote_ssl_client_crt_file: str(undefined, 'API: certificate shown to that server'),
  remote_ssl_client_key_file: str(undefined, 'API: key of that certificate'),
  remote_ssl_verify_server_crt: bool(false, 'API: check the certificate of that server'),
};

const profiler = {
  enabled: bool(false, 'Profile requests', { was: ['profiler_enabled'] }),
  trace_sqlalchemy: bool(false, 'Profile the database'),
  hmac_keys: str('SECRET_KEY', 'Keys of those who may ask for a profile', { secret: true }),
  connection_string: str('messaging://', 'Where profiles go'),
  es_doc_type: str('notification', 'Elasticsearch'),
  es_scroll_time: str('2m', 'Elasticsearch'),
  es_scroll_size: int(10000, 'Elasticsearch'),
  socket_timeout: float(0.1, 'Redis'),
  sentinel_service_name: str('mymaster', 'Redis'),
  filter_error_trace: bool(false, 'Keep the profiles of failed requests apart'),
};

/** The API checks tokens with it; every file has it. */
const tokenCheck = {
  ...authentication,
  auth_uri: str(undefined, 'API: URL of Keystone for users'),
  auth_version: str(undefined, 'API: version of Keystone'),
  cache: str(undefined, 'API: where tokens are kept'),
  delay_auth_decision: bool(false, 'API: let the application decide'),
  enforce_token_bind: str('permissive', 'API: bound tokens'),
  http_connect_timeout: int(undefined, 'API: seconds to connect to Keystone'),
  http_request_max_retries: int(3, 'API: tries to reach Keystone'),
  include_service_catalog: bool(true, 'API: ask for the catalogue'),
  interface: str('internal', 'API: kind of endpoint'),
  memcache_pool_conn_get_timeout: int(10, 'API: token cache'),
  memcache_pool_dead_retry: int(300, 'API: token cache'),
  memcache_pool_maxsize: int(10, 'API: token cache'),
  memcache_pool_socket_timeout: int(3, 'API: token cache'),
  memcache_pool_unused_timeout: int(60, 'API: token cache'),
  memcache_secret_key: str(undefined, 'API: key of the token cache', { secret: true }),
  memcache_security_strategy: str('None', 'API: token cache'),
  memcache_use_advanced_pool: bool(true, 'API: token cache'),
  memcached_servers: list([], 'API: token cache', { was: ['memcache_servers'] }),
  region_name: str(undefined, 'API: region of Keystone'),
  service_token_roles: list(['service'], 'API: roles of services'),
  service_token_roles_required: bool(false, 'API: services must have them'),
  service_type: str(undefined, 'API: its own kind of service'),
  token_cache_time: int(300, 'API: seconds that a token is kept'),
  www_authenticate_uri: str(undefined, 'API: URL of Keystone for users'),
};

const cache = {
  backend: str('dogpile.cache.null', 'API: where it keeps what it knows'),
  backend_argument: multi([], 'API: how that is set up', { secret: true }),
  config_prefix: str('cache.oslo', 'API: how its keys begin'),
  debug_cache_backend: bool(false, 'API: log what it keeps'),
  enabled: bool(false, 'API: keep anything'),
  expiration_time: int(600, 'API: seconds to keep it'),
  memcache_dead_retry: int(300, 'API: memcached'),
  memcache_password: str(undefined, 'API: memcached', { secret: true }),
  memcache_pool_connection_get_timeout: int(10, 'API: memcached'),
  memcache_pool_maxsize: int(10, 'API: memcached'),
  memcache_pool_unused_timeout: int(60, 'API: memcached'),
  memcache_servers: list(['localhost:11211'], 'API: memcached'),
  memcache_socket_timeout: float(1, 'API: memcached'),
  memcache_username: str(undefined, 'API: memcached'),
  proxies: list([], 'API: what stands before it'),
  tls_cafile: str(undefined, 'API: authority that signs for memcached'),
  tls_certfile: str(undefined, 'API: certificate shown to memcached'),
  tls_enabled: bool(false, 'API: TLS to memcached'),
  tls_keyfile: str(undefined, 'API: key of that certificate'),
};

const zones = {
  zone_driver: str(undefined, 'Fibre Channel zones'),
  zoning_policy: str('initiator-target', 'Fibre Channel zones'),
  fc_fabric_names: str(undefined, 'Fibre Channel zones'),
  fc_san_lookup_service: str(undefined, 'Fibre Channel zones'),
  enable_unsupported_driver: bool(false, 'Fibre Channel zones'),
};

const reports = {
  file_event_handler: str(undefined, 'File whose change asks for a report'),
  file_event_handler_interval: int(1, 'Seconds between looks at it'),
  log_dir: str(undefined, 'Where reports are written'),
};

/** Libraries under Cinder, and the API's own sections. */
export const libraryGroups: readonly { readonly group: string; readonly options: OptionTable }[] = [
  { group: 'os_brick', options: { lock_path: str(undefined, 'Lock files of the library that attaches volumes') } },
  { group: 'privsep_osbrick', options: privsep('oslo_privsep.daemon', '[CAP_SYS_ADMIN]') },
  { group: 'privsep_entrypoint', options: privsep('oslo_privsep.daemon', '[]') },
  { group: 'cinder_sys_admin', options: privsep('oslo_privsep.daemon', '[0, 1, 2, 3, 12, 21]') },
  { group: 'oslo_reports', options: reports },
  { group: 'oslo_policy', options: policy },
  { group: 'profiler', options: profiler },
  { group: 'fc-zone-manager', options: zones },
  { group: 'keystone_authtoken', options: tokenCheck },
  { group: 'cache', options: cache },
  {
    group: 'oslo_versionedobjects',
    options: { fatal_exception_format_errors: bool(false, 'Fail where an error has no text') },
  },
];
