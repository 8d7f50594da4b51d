import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RabbitValues } from '../../src/messaging/options.ts';
import { FakeEndpoint } from '../support/endpoint.ts';
import { aServer, rabbitPresets } from '../support/messaging.ts';
import { aPair } from '../support/oslo-pair.ts';
import { OsloPeer } from '../support/oslo-peer.ts';
import type { RabbitMQ } from '../support/rabbitmq.ts';
import { connectTo, onEachRabbitMQ } from '../support/with-rabbitmq.ts';

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

/** What came with RabbitMQ 4 and the oslo.messaging of its time; the last is what Kolla sets. */
const quorum: Options = { rabbit_quorum_queue: true, rabbit_transient_quorum_queue: true };
const stream: Options = { ...quorum, rabbit_stream_fanout: true, rabbit_qos_prefetch_count: 50 };
const manager = (hostname: string): Options => ({ use_queue_manager: true, hostname, processname: 'cinder-volume' });
const later: Readonly<Record<string, Options>> = {
  'transient-quorum': quorum,
  stream,
  manager: manager('node-1'),
  'quorum-manager': { ...manager('node-2'), ...quorum },
  'stream-manager': { ...manager('node-3'), ...stream },
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

/** Where the queue manager of oslo.messaging counts, for as long as the machine runs. */
async function forgetCounters(variants: Readonly<Record<string, Options>>): Promise<void> {
  const counters = Object.values(variants).flatMap(({ hostname, processname }) =>
    hostname === undefined ? [] : [`/dev/shm/${hostname}_${processname}_qmanager`],
  );
  await Promise.all(counters.map((path) => rm(path, { force: true })));
}

/** Under names that tell neither whose they are nor when they were made. */
function alike(facts: readonly Facts[], owner: string): string[] {
  const common = (name: string): string =>
    name
      .replaceAll(owner, 'X')
      .replace(/[0-9a-f]{32}$/, 'U')
      .replace(/(_fanout)_(node-.):cinder-volume:.*$/, '$1_$2:P:N');
  return facts
    .filter(({ name }) => name.includes(owner) && !name.startsWith('reply_'))
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

onEachRabbitMQ('topology', {}, (broker, release) => {
  const variants = { common, ...(release === '3' ? {} : { later }) };
  for (const [when, options] of Object.entries(variants)) {
    test(`what we declare is what oslo.messaging declares, and neither is refused after the other: ${when} [M-10, M-11, M-15, L-093]`, async (t) => {
      const old = await broker().queues();
      t.after(() => forgetCounters(options));
      const opened = await Promise.allSettled(
        Object.entries(options).map(([name, each]) => aPair(t, name, each, broker().url(), release)),
      );
      const pairs = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      assert.deepEqual(
        opened.flatMap((result) => (result.status === 'rejected' ? [result.reason] : [])),
        [],
      );
      const queues = (await listed(broker(), 'queues')).filter(({ name }) => !old.includes(name));
      const exchanges = await listed(broker(), 'exchanges');
      for (const { name, ours, theirs } of pairs) {
        assert.equal(alike(queues, ours).length, 3, name);
        assert.deepEqual(alike(queues, ours), alike(queues, theirs), name);
        assert.equal(alike(exchanges, ours).length, 2, name);
        assert.deepEqual(alike(exchanges, ours), alike(exchanges, theirs), name);
      }
      const replyQueues = queues.filter(({ name }) => name.startsWith('reply_'));
      const oslos = new Set(pairs.map(({ replyQueue }) => replyQueue));
      const [own, other] = [false, true].map((isOslos) =>
        replyQueues.filter(({ name }) => oslos.has(name) === isOslos),
      );
      assert.equal(own?.length, pairs.length);
      assert.deepEqual(nameless(own ?? []), nameless(other ?? []));

      await Promise.all(pairs.map(({ swap }) => swap()));
      const complaints = pairs
        .flatMap(({ peer }) => peer.logs)
        .filter((line) => /PRECONDITION|inequivalent/.test(line));
      for (const { name, server } of pairs) assert.deepEqual([server.consuming, server.breaks], [true, 0], name);
      await Promise.all(pairs.map(({ close }) => close()));
      assert.deepEqual(complaints, []);
      assert.ok(!/inequivalent/.test(await broker().log()));
    });
  }

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
