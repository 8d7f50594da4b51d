import type { Brand } from '../base/time.ts';

/** `host@backend`: one service, one row in `services`. */
export type ServiceHost = Brand<string, 'ServiceHost'>;

/** `host@backend#pool`: where a volume lives. */
export type PoolHost = Brand<string, 'PoolHost'>;

/** The service of a backend section on a node. Neither part may be empty; the section may not contain `#`. */
export function serviceHost(node: string, backend: string): ServiceHost {
  if (node === '' || backend === '' || backend.includes('#') || backend.includes('@')) {
    throw new Error(`'${node}@${backend}' is no service: expected host@backend without '#' in the backend's name`);
  }
  return `${node}@${backend}` as ServiceHost;
}

/** The service of a node without backend sections, as before Ocata (L-075). */
export function soleService(node: string): ServiceHost {
  if (node === '' || node.includes('#') || node.includes('@')) throw new Error(`'${node}' is no name of a node`);
  return node as ServiceHost;
}

/** A pool of a service. An empty pool name gives the service itself, as upstream's `append_host`. */
export function poolHost(service: ServiceHost, pool: string): PoolHost {
  return (pool === '' ? service : `${service}#${pool}`) as unknown as PoolHost;
}

/** What stands before the first `#`: the service a resource belongs to (upstream's level "backend"). */
export function serviceOf(host: string): ServiceHost {
  const hash = host.indexOf('#');
  return (hash < 0 ? host : host.slice(0, hash)) as ServiceHost;
}

/** What stands before the first `@`, without a pool: the node (upstream's level "host"). */
export function nodeOf(host: string): string {
  const service: string = serviceOf(host);
  const at = service.indexOf('@');
  return at < 0 ? service : service.slice(0, at);
}

/** The backend section's name: what stands behind the last `@` of the service. */
export function backendOf(host: ServiceHost): string {
  return host.slice(host.lastIndexOf('@') + 1);
}

/** The pool of `host@backend#pool`; undefined without exactly one `#`. */
export function poolOf(host: string): string | undefined {
  const parts = host.split('#');
  return parts.length === 2 ? parts[1] : undefined;
}
