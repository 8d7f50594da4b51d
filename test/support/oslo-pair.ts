import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { RabbitValues } from '../../src/messaging/options.ts';
import type { RpcServer } from '../../src/messaging/server.ts';
import { adminContext } from '../../src/objects/context.ts';
import type { Release } from './debian-root.ts';
import { FakeEndpoint } from './endpoint.ts';
import { eventually } from './eventually.ts';
import { aServer, rabbitPresets } from './messaging.ts';
import { OsloPeer } from './oslo-peer.ts';
import { aClientOf, connectTo } from './with-rabbitmq.ts';

export interface Pair {
  readonly name: string;
  /** The topics that each serves; exchanges and queues are named after them. */
  readonly ours: string;
  readonly theirs: string;
  readonly peer: OsloPeer;
  readonly server: RpcServer;
  /** Of the peer. */
  readonly replyQueue: string;
  /** Each declares what the other one has made, and listens there as well. */
  swap(): Promise<void>;
  close(): Promise<void>;
}

/** Milliseconds that anything between the two may take, on a loaded machine. */
const patience = 90_000;

/**
 * We and a peer with the same options, each listening under a name of its own. Each has called the other, and each got the
 * other's casts, to it alone and to all. Fails when one of that takes longer than `patience`.
 */
export async function aPair(
  t: Pick<TestContext, 'after'>,
  name: string,
  options: Partial<RabbitValues>,
  url: string,
  release: Release,
): Promise<Pair> {
  const [ours, theirs] = [`o-${name}-o`, `t-${name}-t`];
  const [peer, transport] = await Promise.all([OsloPeer.start(release, url, options), connectTo(url, options)]);
  t.after(() => Promise.all([transport.close(0), peer[Symbol.asyncDispose]()]));
  const topology = { ...rabbitPresets, ...options };
  const endpoint = new FakeEndpoint({
    echo: { run: (args) => args },
    one: { class: 'signal' },
    all: { class: 'signal' },
  });
  const serve = (owner: string): Promise<RpcServer> =>
    aServer(transport, endpoint.table, {
      servers: [{ topic: owner, server: 'h@b' }],
      controlExchange: `${owner}-exchange`,
      instance: owner,
      topology,
      prefetch: topology.rabbit_qos_prefetch_count,
    });
  const client = aClientOf(transport, `${theirs}-exchange`, topology);
  const [server] = await Promise.all([serve(ours), peer.serve(theirs, 'h@b', `${theirs}-exchange`)]);

  const request = (method: string) => ({ method, version: '3.0', args: { at: name }, context: adminContext() });
  const toUs = { topic: ours, exchange: `${ours}-exchange`, args: { at: name }, timeout: patience / 1000 };
  const toThem = { topic: theirs, server: 'h@b' };
  const timeout = patience / 1000;
  const answers = await Promise.all([
    peer.call({ ...toUs, server: 'h@b', method: 'echo' }),
    client.call(toThem, request('echo'), { timeout }, AbortSignal.timeout(patience)),
    peer.cast({ ...toUs, server: 'h@b', method: 'one' }),
    peer.cast({ ...toUs, fanout: true, method: 'all' }),
    client.cast(toThem, request('one')),
    client.cast({ topic: theirs, fanout: true }, request('all')),
  ]);
  assert.deepEqual(answers.slice(0, 2), [{ at: name }, { at: name }], name);
  for (const method of ['one', 'all']) {
    const here = (): boolean => endpoint.ran(method) > 0;
    const there = async () => (await peer.received()).some((received) => received.method === method);
    await eventually(`${name}: we got the cast to ${method}`, here, patience);
    await eventually(`${name}: oslo.messaging got the cast to ${method}`, there, patience, 100);
  }

  const servers = [server];
  return {
    ...{ name, ours, theirs, peer, server },
    replyQueue: await peer.replyQueue(),
    async swap() {
      const [second] = await Promise.all([serve(theirs), peer.serve(ours, 'h@b', `${ours}-exchange`)]);
      servers.push(second);
    },
    async close() {
      for (const each of servers) await each.close();
      await client.close();
      await transport.close();
      await peer[Symbol.asyncDispose]();
    },
  };
}
