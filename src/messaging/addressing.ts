import type { RpcTarget } from '../interface/rpc.ts';
import { nodeOf, type ServiceHost } from '../objects/host.ts';

/** Where a message is published: an exchange and a routing key. The exchange '' leads to the queue that the key names. */
export interface Destination {
  readonly exchange: string;
  readonly key: string;
}

/** One RPC server: what it listens on follows from its two names (rpc.md §1.2). */
export interface RpcServerName {
  readonly topic: string;
  readonly server: string;
}

const volumeTopic = 'cinder-volume';
export const schedulerTopic = 'cinder-scheduler';

/** The RPC servers of a volume service: by the topic of all, by its own, and by its cluster's. */
export function volumeServers(host: ServiceHost, cluster?: string): readonly RpcServerName[] {
  const own = [
    { topic: volumeTopic, server: host },
    { topic: `${volumeTopic}.${host}`, server: nodeOf(host) },
  ];
  return cluster === undefined ? own : [...own, { topic: `${volumeTopic}.${cluster}`, server: nodeOf(cluster) }];
}

/** Where requests for one volume service go, as clients of RPC 3.6 and later address it. */
export function volumeTarget(host: string): RpcTarget {
  return { topic: `${volumeTopic}.${host}`, server: nodeOf(host) };
}

/** Where requests for one backup service go. */
export function backupTarget(host: string): RpcTarget {
  return { topic: 'cinder-backup', server: host };
}

export function fanoutExchange(topic: string): string {
  return `${topic}_fanout`;
}

/** The destination of a target in a control exchange. */
export function destinationOf(target: RpcTarget, controlExchange: string): Destination {
  const { topic, server, fanout } = target;
  if (fanout === true) return { exchange: fanoutExchange(topic), key: '' };
  return { exchange: controlExchange, key: server === undefined ? topic : `${topic}.${server}` };
}

/** The queue of a name, without an exchange: replies go this way. */
export function toQueue(name: string): Destination {
  return { exchange: '', key: name };
}
