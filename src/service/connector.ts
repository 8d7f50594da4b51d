import type { Connector } from '../interface/volume-driver.ts';
import { nodeOf, type ServiceHost } from '../objects/host.ts';

/** What this host says of itself when it copies a volume, as os-brick would say it, as far as copies need it (manager.md §9.5). */
export function connectorOf(host: ServiceHost, ip: string | undefined): Connector {
  const node = nodeOf(host);
  const initiator = `iqn.2010-10.org.openstack:${node.toLowerCase().replace(/[^a-z0-9.-]/g, '-')}`;
  const machine = { platform: process.arch === 'x64' ? 'x86_64' : process.arch, os_type: 'linux' };
  return { ...machine, ip: ip ?? '127.0.0.1', host: node, initiator, multipath: false, do_local_attach: false };
}
