import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RabbitValues } from '../../src/messaging/options.ts';
import type { RpcServer } from '../../src/messaging/server.ts';
import { adminContext } from '../../src/objects/context.ts';
import type { Release } from '../support/debian-root.ts';
import { FakeEndpoint } from '../support/endpoint.ts';
import { aServer, rabbitPresets } from '../support/messaging.ts';
import { OsloPeer } from '../support/oslo-peer.ts';
import type { RabbitMQ } from '../support/rabbitmq.ts';
import { aClientOf, connectTo, onEachRabbitMQ } from '../support/with-rabbitmq.ts';

type Options = Partial<RabbitValues>;

/** What both releases have, and what came with later ones. */
const common: Readonly<Record<string, Options>> = {
  defaults: {},
  durable: { amqp_durable_queues: true },
  quorum: { rabbit_quorum_queue: true, rabbit_quorum_delivery_limit: 7 },
  mirrored: { rabbit_ha_queues: true },
  'auto-delete': { amqp_auto_delete: true },
  lifetime: { rabbit_transient_queues_ttl: 77 },
};
interface Facts {
  readonly name: string;
  readonly durable: boolean;
  readonly auto_delete: boolean;
  readonly arguments: unknown;
}

async function listed(broker: RabbitMQ, what: 'queues' | 'exchanges'): Promise<Facts[]> {
  const more = what === 'exchanges' ? ['type'] : ['exclusive'];
  const columns = ['name', 'durable', 'auto_delete', 'arguments', ...more];
  return JSON.parse(await broker.ctl(`list_${what}`, '--formatter', 'json', ...columns)) as Facts[];
}

/** Under names that tell neither whose they are nor when they were made. */
function alike(facts: readonly Facts[], owner: string): string[] {
  const common = (name: string): string =>
    name
      .replaceAll(owner, 'X')
      .replace(/[0-9a-f]{32}$/, 'U')
      .replace(/(_fanout|reply)_stor1:cinder-volume:.*$/, '$1_stor1:P:N');
  return facts
    .filter(({ name }) => name.includes(owner))
    .map((fact) => told({ ...fact, name: common(fact.name) }))
    .sort();
}

function nameless(facts: readonly Facts[]): string[] {
  return facts.map((fact) => told({ ...fact, name: '' })).sort();
}

/** Whether a number came with a sign makes no difference to the broker. */
function told(fact: Facts): string {
  const args = Object.values(fact.arguments ?? {}).map((argument) =>
    JSON.stringify(argument).replace('"unsignedint"', '"signedint"'),
  );
  return JSON.stringify({ ...fact, arguments: args.sort() });
}

interface Pair {
  readonly name: string;
  readonly ours: string;
  readonly theirs: string;
  readonly peer: OsloPeer;
  readonly replyQueue: string;
  /** Each listens where the other one does. */
  swap(): Promise<void>;
  close(): Promise<void>;
}

/** We and a peer with the same options, each listening under a name of its own, and each having called the other. */
async function aPair(
  t: Pick<TestContext, 'after'>,
  name: string,
  options: Options,
  url: string,
  release: Release,
): Promise<Pair> {
  const [ours, theirs] = [`o-${name}-o`, `t-${name}-t`];
  const [peer, transport] = await Promise.all([OsloPeer.start(release, url, options), connectTo(url, options)]);
  t.after(() => Promise.all([transport.close(0), peer[Symbol.asyncDispose]()]));
  const topology = { ...rabbitPresets, ...options };
  const serve = (owner: string): Promise<RpcServer> =>
    aServer(transport, new FakeEndpoint({ echo: { run: (args) => args } }).table, {
      servers: [{ topic: owner, server: 'h@b' }],
      controlExchange: `${owner}-exchange`,
      instance: owner,
      topology,
    });
  const client = aClientOf(transport, `${theirs}-exchange`, topology);
  const echo = { method: 'echo', version: '3.0', args: { at: name }, context: adminContext() };
  const [server] = await Promise.all([serve(ours), peer.serve(theirs, 'h@b', `${theirs}-exchange`)]);
  const call = { exchange: `${ours}-exchange`, server: 'h@b', method: 'echo', args: echo.args, timeout: 60 };
  const answers = await Promise.all([
    peer.call({ topic: ours, ...call }),
    client.call({ topic: theirs, server: 'h@b' }, echo, { timeout: 60 }, AbortSignal.timeout(60_000)),
  ]);
  assert.deepEqual(answers, [echo.args, echo.args], name);
  await client.cast({ topic: theirs, fanout: true }, { ...echo, method: 'fan' });
  const servers = [server];
  return {
    ...{ name, ours, theirs, peer },
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

onEachRabbitMQ('topology', {}, (broker, release) => {
  test('what we declare is what oslo.messaging declares, and neither is refused after the other [M-10, M-11, L-093]', async (t) => {
    const pairs = await Promise.all(
      Object.entries(common).map(([name, options]) => aPair(t, name, options, broker().url(), release)),
    );
    const queues = await listed(broker(), 'queues');
    const exchanges = await listed(broker(), 'exchanges');
    for (const { name, ours, theirs } of pairs) {
      assert.equal(alike(queues, ours).length, 3, name);
      assert.deepEqual(alike(queues, ours), alike(queues, theirs), name);
      assert.equal(alike(exchanges, ours).length, 2, name);
      assert.deepEqual(alike(exchanges, ours), alike(exchanges, theirs), name);
    }
    const replyQueues = queues.filter(({ name }) => name.startsWith('reply_'));
    const oslos = new Set(pairs.map(({ replyQueue }) => replyQueue));
    const [own, other] = [false, true].map((isOslos) => replyQueues.filter(({ name }) => oslos.has(name) === isOslos));
    assert.equal(own?.length, pairs.length);
    assert.deepEqual(nameless(own ?? []), nameless(other ?? []));

    // Each now declares what the other one has made.
    await Promise.all(pairs.map(({ swap }) => swap()));
    const complaints = pairs.flatMap(({ peer }) => peer.logs).filter((line) => /PRECONDITION|inequivalent/.test(line));
    await Promise.all(pairs.map(({ close }) => close()));
    assert.deepEqual(complaints, []);
    assert.ok(!/inequivalent/.test(await broker().log()));
  });

  test('where a peer made it transient, ours is taken as it is; anything else is refused with the remedy [M-12]', async (t) => {
    const peer = await OsloPeer.start(release, broker().url());
    t.after(() => peer[Symbol.asyncDispose]());
    await peer.serve('older', 'h@b', 'older-exchange');
    const transport = await connectTo(broker().url(), { amqp_durable_queues: true });
    t.after(() => transport.close(0));
    const settings = { servers: [{ topic: 'older', server: 'h@b' }], controlExchange: 'older-exchange', instance: 'b' };
    const topology = { ...rabbitPresets, amqp_durable_queues: true };
    const server = await aServer(transport, new FakeEndpoint({}).table, { ...settings, topology });
    assert.equal(server.consuming, true);
    await server.close();

    const refused = aServer(transport, new FakeEndpoint({}).table, {
      ...settings,
      topology: { ...rabbitPresets, amqp_auto_delete: true },
    });
    const failed = assert.rejects(refused);
    for (let tries = 0; tries < 200 && !/It was declared otherwise/.test(String(transport.trouble)); tries++)
      await sleep(50);
    assert.match(String(transport.trouble), /give \[oslo_messaging_rabbit\] the settings of the other services/);
    await failed;
  });
});
