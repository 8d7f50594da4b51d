import { randomUUID } from 'node:crypto';
import type { LogContext } from '../base/log.ts';
import { utcNow } from '../base/time.ts';

/**
 * On whose behalf something is done. `wire` holds every attribute as it came, so that a request that is passed on says
 * what its sender said; the named ones are those that the volume service itself decides by (objects.md §7).
 */
export interface RequestContext extends LogContext {
  readonly is_admin: boolean;
  readonly roles: readonly string[];
  readonly wire: Readonly<Record<string, unknown>>;
}

const prefix = '_context_';

/** The context of a message, from its `_context_*` keys. Nothing is required: what is missing becomes null. */
export function contextFromMessage(message: Readonly<Record<string, unknown>>): RequestContext {
  const wire: Record<string, unknown> = { ...nobody };
  for (const key of Object.keys(message)) {
    if (key.startsWith(prefix)) wire[key.slice(prefix.length)] = message[key];
  }
  wire['request_id'] ??= newRequestId();
  wire['timestamp'] ??= utcNow();
  return contextOf(wire);
}

/** The keys that carry a context in a message. `read_deleted` is always among them: Zed's loader fails without. */
export function contextToMessage(context: RequestContext): Record<string, unknown> {
  const keys: Record<string, unknown> = {};
  for (const key of Object.keys(context.wire)) keys[prefix + key] = context.wire[key];
  return keys;
}

/** Nobody's context, with admin rights and a request id of its own: start-up and periodic work. */
export function adminContext(): RequestContext {
  return contextOf(adminWire());
}

/** An admin context that bears a user and a project: client commands, and work that is taken up again from its rows. */
export function contextFor(owner: { user_id: string | null; project_id: string | null }): RequestContext {
  const { user_id, project_id } = owner;
  const user_identity = `${user_id ?? '-'} ${project_id ?? '-'} - - -`;
  return contextOf({ ...adminWire(), user: user_id, user_id, project: project_id, project_id, user_identity });
}

/** The same context with admin rights. */
export function elevated(context: RequestContext): RequestContext {
  if (context.is_admin) return context;
  const roles = context.roles.includes('admin') ? context.roles : [...context.roles, 'admin'];
  return contextOf({ ...context.wire, is_admin: true, roles });
}

function contextOf(wire: Readonly<Record<string, unknown>>): RequestContext {
  const text = (key: string): string | null => {
    const value = wire[key];
    return typeof value === 'string' ? value : null;
  };
  const roles = wire['roles'];
  return {
    request_id: text('request_id') ?? newRequestId(),
    global_request_id: text('global_request_id'),
    user_id: text('user_id') ?? text('user'),
    project_id: text('project_id') ?? text('project'),
    domain_id: text('domain_id') ?? text('domain'),
    system_scope: text('system_scope'),
    user_domain: text('user_domain'),
    project_domain: text('project_domain'),
    is_admin: wire['is_admin'] === true,
    roles: Array.isArray(roles) ? roles.filter((role) => typeof role === 'string') : [],
    wire,
  };
}

/** `req-` and a UUID (G-024). */
function newRequestId(): string {
  return `req-${randomUUID()}`;
}

/** Every key that travels, without a user, a request and rights. */
const nobody: Readonly<Record<string, unknown>> = {
  user: null,
  project_id: null,
  system_scope: null,
  project: null,
  domain: null,
  user_domain: null,
  project_domain: null,
  is_admin: false,
  read_only: false,
  show_deleted: false,
  auth_token: null,
  request_id: null,
  global_request_id: null,
  resource_uuid: null,
  roles: [],
  user_identity: '- - - - -',
  is_admin_project: true,
  user_id: null,
  project_name: null,
  domain_id: null,
  read_deleted: 'no',
  remote_address: null,
  timestamp: null,
  quota_class: null,
  service_catalog: [],
  message_resource_id: null,
  message_resource_type: null,
  message_action: null,
};

function adminWire(): Record<string, unknown> {
  return { ...nobody, is_admin: true, roles: ['admin'], request_id: newRequestId(), timestamp: utcNow() };
}
