import type { LogContext } from '../base/log.ts';
import { isRecord } from '../objects/versioned-object.ts';

/** The keys of a request context in JSON, in upstream's order (G-031). */
const keys = [
  'user_name',
  'project_name',
  'domain_name',
  'user_domain_name',
  'project_domain_name',
  'user',
  'project_id',
  'system_scope',
  'project',
  'domain',
  'user_domain',
  'project_domain',
  'is_admin',
  'read_only',
  'show_deleted',
  'auth_token',
  'request_id',
  'global_request_id',
  'resource_uuid',
  'roles',
  'user_identity',
  'is_admin_project',
  'user_id',
  'domain_id',
  'read_deleted',
  'remote_address',
  'timestamp',
  'quota_class',
  'service_catalog',
  'message_resource_id',
  'message_resource_type',
  'message_action',
] as const;

/** The whole context as JSON shows it; the token and the catalogue stay out of the log (G-032). */
export function contextValues(context: LogContext): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const key of keys) values[key] = contextValue(context, key);
  return { ...values, auth_token: null, service_catalog: [] };
}

/** One attribute of a context, also by its older names; null where it has none. */
export function contextValue(context: LogContext, key: string): unknown {
  const own = named[key];
  if (own !== undefined) return own(context) ?? null;
  const wire = 'wire' in context ? context.wire : undefined;
  return isRecord(wire) ? (wire[key] ?? null) : null;
}

const named: Readonly<Record<string, (context: LogContext) => unknown>> = {
  request_id: (context) => context.request_id,
  global_request_id: (context) => context.global_request_id,
  user: (context) => context.user_id,
  user_id: (context) => context.user_id,
  tenant: (context) => context.project_id,
  project: (context) => context.project_id,
  project_id: (context) => context.project_id,
  domain: (context) => context.domain_id,
  domain_id: (context) => context.domain_id,
  system_scope: (context) => context.system_scope,
  user_domain: (context) => context.user_domain,
  project_domain: (context) => context.project_domain,
};
