import { imageLocationOptions } from '../interface/image-options.ts';
import {
  bool,
  choice,
  int,
  list,
  type OptionGroup,
  type OptionTable,
  str,
  type ValuesOf,
} from '../interface/options.ts';

/** Options of `[DEFAULT]` that say how the image service is reached (config.md §12.1). */
export const glanceOptions = {
  glance_api_servers: list([], 'URLs of the image service; without any the catalogue is asked.'),
  glance_catalog_info: str(
    'image:glance:publicURL',
    'Type, name and endpoint of the image service in the catalogue of the user.',
  ),
  glance_num_retries: int(3, 'How often a request to the image service is tried again.', { min: 0 }),
  glance_request_timeout: int(undefined, 'Seconds that the image service may be silent; 900 where unset.'),
  glance_api_insecure: bool(false, 'Trust any certificate of the image service.'),
  glance_ca_certificates_file: str(undefined, 'Authority that signs for the image service.'),
  glance_certfile: str(undefined, 'Certificate shown to the image service.'),
  glance_keyfile: str(undefined, 'Key of that certificate.'),
  ...imageLocationOptions,
} satisfies OptionTable;

/** Who the daemon is to Keystone: what the plug-ins `password` and `v3applicationcredential` read (config.md §12.7). */
const authOptions = {
  auth_type: str(undefined, 'Plug-in: password or v3applicationcredential.', { was: ['auth_plugin'] }),
  auth_url: str(undefined, 'URL of Keystone.'),
  username: str(undefined, 'User.', { was: ['user_name', 'user-name'] }),
  user_id: str(undefined, 'Id of the user.'),
  password: str(undefined, 'Password of the user.', { secret: true }),
  user_domain_name: str(undefined, 'Domain of the user.'),
  user_domain_id: str(undefined, 'Id of that domain.'),
  project_name: str(undefined, 'Project.', { was: ['tenant_name'] }),
  project_id: str(undefined, 'Id of the project.', { was: ['tenant_id'] }),
  project_domain_name: str(undefined, 'Domain of the project.'),
  project_domain_id: str(undefined, 'Id of that domain.'),
  default_domain_name: str(undefined, 'Domain of user and project.'),
  default_domain_id: str(undefined, 'Id of that domain.'),
  application_credential_id: str(undefined, 'Application credential.'),
  application_credential_name: str(undefined, 'Name of the application credential.'),
  application_credential_secret: str(undefined, 'Secret of the application credential.', { secret: true }),
  cafile: str(undefined, 'Authority that signs for Keystone.'),
  certfile: str(undefined, 'Certificate shown to Keystone.'),
  keyfile: str(undefined, 'Key of that certificate.'),
  insecure: bool(false, 'Trust any certificate.'),
  timeout: int(undefined, 'Seconds that a request may take.'),
} satisfies OptionTable;

const serviceUserOptions = {
  ...authOptions,
  send_service_user_token: bool(false, 'Requests carry the token of the service beside the user’s.'),
} satisfies OptionTable;

const novaOptions = {
  ...authOptions,
  region_name: str(undefined, 'Region of the compute service.'),
  interface: choice(
    ['public', 'internal', 'admin', 'publicURL', 'internalURL', 'adminURL'],
    'public',
    'Kind of endpoint of the compute service.',
  ),
} satisfies OptionTable;

export const glanceGroup = { group: 'DEFAULT', options: glanceOptions } satisfies OptionGroup;
export const serviceUserGroup = { group: 'service_user', options: serviceUserOptions } satisfies OptionGroup;
export const novaGroup = { group: 'nova', options: novaOptions } satisfies OptionGroup;

export type AuthValues = ValuesOf<typeof authOptions>;
export type GlanceValues = ValuesOf<typeof glanceOptions>;
export type NovaValues = ValuesOf<typeof novaOptions>;
