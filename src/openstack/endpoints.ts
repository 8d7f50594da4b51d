import type { RequestContext } from '../objects/context.ts';
import { isRecord } from '../objects/versioned-object.ts';

/**
 * The endpoint of a service in the catalogue that came with the request. `info` is `type:name:endpoint`, as in
 * `image:glance:publicURL`; the name is not compared, as upstream does not. Undefined where the catalogue has none.
 */
export function endpointInCatalogue(context: RequestContext, info: string): string | undefined {
  const [type = '', , kind = 'publicURL'] = info.split(':');
  const catalogue = context.wire['service_catalog'];
  for (const entry of Array.isArray(catalogue) ? catalogue : []) {
    if (!isRecord(entry) || entry['type'] !== type) continue;
    const [first] = Array.isArray(entry['endpoints']) ? entry['endpoints'] : [];
    const url = isRecord(first) ? first[kind] : undefined;
    if (typeof url === 'string') return url;
  }
  return undefined;
}

/** `host:port` is plain HTTP, as ever. */
export function urlOf(server: string): string {
  return (server.includes('//') ? server : `http://${server}`).replace(/\/+$/, '');
}
