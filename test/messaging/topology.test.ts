import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { silent } from '../../src/base/log.ts';
import { destinationOf, schedulerTopic, volumeServers, volumeTarget } from '../../src/messaging/addressing.ts';
import {
  declareAll,
  exchangeOf,
  notificationTopology,
  replyTopology,
  serverTopology,
  type Topology,
  type TopologyAdmin,
  TopologyRefused,
} from '../../src/messaging/topology.ts';
import { serviceHost } from '../../src/objects/host.ts';
import { recordedLogs } from '../support/logs.ts';
import { rabbitPresets } from '../support/messaging.ts';
import { repository } from '../support/repository.ts';

const host = serviceHost('labhost', 'nfs1');
const presets = rabbitPresets;
const topologyWith = (changes: Partial<typeof presets>) =>
  serverTopology(volumeServers(host), 'openstack', { ...presets, ...changes }, 'nfs1');

/** `rabbitmqctl list_*` of a running Cinder, by the section's first words; ids as `…`. */
function listed(section: string): string[] {
  const text = readFileSync(join(repository, 'test/wire/topology.txt'), 'utf8');
  const lines =
    text
      .split('\n## ')
      .find((part) => part.startsWith(section))
      ?.split('\n') ?? [];
  return lines.map((line) => line.replaceAll(/[0-9a-f]{32}/g, '…'));
}

const shown = (name: string): string => name.replaceAll(/[0-9a-f]{32}/g, '…');

test('what a service declares is what upstream declares for it: names, types, flags, arguments [M-10, L-093]', () => {
  const { exchanges, queues, bindings } = topologyWith({});
  const wire = {
    exchanges: listed('list_exchanges'),
    queues: listed('list_queues'),
    bindings: listed('list_bindings'),
  };

  for (const { name, type, durable, autoDelete } of exchanges) {
    assert.ok(wire.exchanges.includes([name, type, durable, autoDelete, false, '[]'].join('\t')), name);
  }
  for (const { name, durable, autoDelete, arguments: args } of queues) {
    const start = [shown(name), durable, autoDelete, false].join('\t');
    const end = JSON.stringify(Object.entries(args).map(([key, value]) => ({ [key]: value }))).replace(':', ',');
    assert.ok(
      wire.queues.some((line) => line.startsWith(start) && line.endsWith(end)),
      name,
    );
  }
  for (const { exchange, key, queue } of bindings) {
    assert.ok(wire.bindings.includes([exchange, shown(queue), 'queue', key, '[]'].join('\t')), queue);
  }
});

test('each queue is consumed once, though two servers share one; own are the fan-out queues [rpc 1.2, M-15]', () => {
  const { consumed, own } = topologyWith({});

  assert.deepEqual(consumed.map(shown), [
    'cinder-volume',
    'cinder-volume.labhost@nfs1',
    'cinder-volume.labhost@nfs1.labhost',
    'cinder-volume_fanout_…',
    'cinder-volume.labhost@nfs1_fanout_…',
  ]);
  assert.deepEqual(own, consumed.slice(3));
});

test('a clustered service is known by its cluster as well [rpc 1.2]', () => {
  const { consumed } = serverTopology(volumeServers(host, 'ha@nfs1'), 'openstack', presets, 'nfs1');

  assert.deepEqual(
    consumed.map(shown).filter((name) => name.includes('ha')),
    ['cinder-volume.ha@nfs1', 'cinder-volume.ha@nfs1.ha', 'cinder-volume.ha@nfs1_fanout_…'],
  );
});

test('durable and quorum queues follow the options, transient ones stay as they are [M-11]', () => {
  const durable = topologyWith({ amqp_durable_queues: true });
  assert.deepEqual(
    durable.exchanges.map((exchange) => exchange.durable),
    [true, false, false],
  );
  assert.deepEqual(
    durable.queues.map((queue) => queue.durable),
    [true, true, true, false, false],
  );

  const quorum = topologyWith({ rabbit_quorum_queue: true, rabbit_quorum_delivery_limit: 5, amqp_auto_delete: true });
  assert.deepEqual(quorum.queues[0], {
    name: 'cinder-volume',
    durable: true,
    autoDelete: true,
    arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 5 },
  });
  assert.deepEqual(quorum.queues[3]?.arguments, { 'x-expires': 1_800_000 });

  const all = topologyWith({ rabbit_transient_quorum_queue: true, rabbit_transient_queues_ttl: 0 });
  assert.deepEqual([all.queues[3]?.durable, all.queues[3]?.arguments], [true, { 'x-queue-type': 'quorum' }]);
  assert.deepEqual([all.exchanges[1]?.durable, all.exchanges[1]?.autoDelete], [true, true]);
});

test('streams replace the fan-out queues by one a topic; mirrored queues keep their policy [M-11]', () => {
  const { queues, own } = topologyWith({ rabbit_stream_fanout: true, rabbit_ha_queues: true });

  assert.deepEqual(queues[3], {
    name: 'cinder-volume_fanout',
    durable: true,
    autoDelete: false,
    arguments: { 'x-queue-type': 'stream', 'x-max-age': '1800s' },
  });
  assert.deepEqual([queues[0]?.arguments, own], [{ 'x-ha-policy': 'all' }, []]);
});

test('with the queue manager names stay over restarts, and differ between processes of a machine [M-11, O-25]', () => {
  const options = { ...presets, use_queue_manager: true, hostname: 'node1', processname: 'cinder-volume' };

  const reply = replyTopology(options, 'nfs1');
  assert.deepEqual([reply.queue, reply.own], ['reply_node1:cinder-volume:nfs1', []]);
  const { consumed, own } = serverTopology(volumeServers(host), 'openstack', options, 'nfs1');
  assert.deepEqual([consumed[3], own], ['cinder-volume_fanout_node1:cinder-volume:nfs1', []]);
});

test('a reply queue belongs to the default exchange and expires [M-10, M-58]', () => {
  const { queue, exchanges, queues, bindings, own } = replyTopology(presets, 'x');

  assert.match(queue, /^reply_[0-9a-f]{32}$/);
  assert.deepEqual(queues, [{ name: queue, durable: false, autoDelete: false, arguments: { 'x-expires': 1_800_000 } }]);
  assert.deepEqual([exchanges, bindings, own], [[], [], [queue]]);
});

test('notification queues are declared for whoever listens later [messaging 2.1]', () => {
  const { queues, bindings } = notificationTopology(['notifications', 'audit'], 'openstack', presets);

  assert.deepEqual(
    queues.map(({ name }) => name),
    ['notifications.info', 'audit.info'],
  );
  assert.deepEqual(bindings[0], { exchange: 'openstack', key: 'notifications.info', queue: 'notifications.info' });
});

test('targets lead to exchange and key as peers publish them [rpc 1.2, messaging 2.1]', () => {
  const of = (target: Parameters<typeof destinationOf>[0]) => destinationOf(target, 'openstack');

  assert.deepEqual(of({ topic: schedulerTopic }), { exchange: 'openstack', key: 'cinder-scheduler' });
  assert.deepEqual(of({ topic: schedulerTopic, fanout: true }), { exchange: 'cinder-scheduler_fanout', key: '' });
  assert.deepEqual(of(volumeTarget('labhost@nfs1')), {
    exchange: 'openstack',
    key: 'cinder-volume.labhost@nfs1.labhost',
  });
});

test('an exchange that is missing when we publish is declared as its listeners do [M-14]', () => {
  assert.deepEqual(exchangeOf('cinder-scheduler_fanout', 'openstack', presets), {
    name: 'cinder-scheduler_fanout',
    type: 'fanout',
    durable: false,
    autoDelete: true,
  });
  assert.equal(exchangeOf('openstack', 'openstack', presets).type, 'topic');
});

/** An admin that notes what is declared, and refuses what `refuse` says. */
function anAdmin(refuse: (what: string, durable: boolean) => string | undefined = () => undefined) {
  const done: string[] = [];
  const declare = async (what: string, durable: boolean): Promise<void> => {
    const reason = refuse(what, durable);
    if (reason !== undefined) throw new TopologyRefused(what, reason);
    done.push(`${what}${durable ? ' durable' : ''}`);
  };
  const admin: TopologyAdmin = {
    declareExchange: ({ name, durable }) => declare(`exchange ${name}`, durable),
    declareQueue: ({ name, durable }) => declare(`queue ${name}`, durable),
    bind: ({ queue }) => declare(`binding ${queue}`, false),
    inspect: async () => ({ messages: 0, consumers: 1 }),
    deleteQueue: async (name) => {
      done.push(`queue ${name} deleted`);
    },
  };
  return { admin, done };
}

const small: Topology = {
  exchanges: [{ name: 'x', type: 'topic', durable: true, autoDelete: false }],
  queues: [{ name: 'q', durable: true, autoDelete: false, arguments: {} }],
  bindings: [{ exchange: 'x', key: 'k', queue: 'q' }],
};

test('exchanges come before queues, and queues before bindings [M-14]', async () => {
  const { admin, done } = anAdmin();

  await declareAll(admin, small, silent);

  assert.deepEqual(done, ['exchange x durable', 'queue q durable', 'binding q']);
});

test('where peers made something transient it is taken as it is, with a warning [M-12]', async () => {
  const { logs, at } = recordedLogs();
  const { admin, done } = anAdmin((what, durable) =>
    durable && what === 'exchange x' ? "409 inequivalent arg 'durable' for exchange 'x'" : undefined,
  );

  await declareAll(admin, small, logs('x'));

  assert.deepEqual(done, ['exchange x', 'queue q durable', 'binding q']);
  assert.equal(at('WARNING').length, 1);
});

test('any other refusal ends it, and says what an operator can do [M-12, M-13]', async () => {
  const other = anAdmin((what) => (what === 'queue q' ? "409 inequivalent arg 'x-queue-type'" : undefined));
  await assert.rejects(declareAll(other.admin, small, silent), /the settings of the other services/);

  const strict = anAdmin((what) => (what === 'queue q' ? '541 feature transient_nonexcl_queues is denied' : undefined));
  await assert.rejects(declareAll(strict.admin, small, silent), /set amqp_durable_queues = true/);
});

test('a transient queue that outlived its virtual host dead is replaced, a durable one is left with its messages [M-42, O-10]', async () => {
  const { logs, at } = recordedLogs();
  const dead = (done: () => string[]) => (what: string) =>
    what === 'queue q' && !done().includes('queue q deleted')
      ? "404 queue 'q' in vhost 'v' process is stopped by supervisor"
      : undefined;
  const transient: Topology = { ...small, queues: small.queues.map((queue) => ({ ...queue, durable: false })) };
  const first = anAdmin(dead(() => first.done));

  await declareAll(first.admin, transient, logs('x'));
  assert.deepEqual(first.done, ['exchange x durable', 'queue q deleted', 'queue q', 'binding q']);
  assert.deepEqual(at('WARNING'), ['Queue q is dead at the broker; it is deleted and made anew']);

  const second = anAdmin(dead(() => second.done));
  await assert.rejects(declareAll(second.admin, small, silent), /process is stopped/);
  assert.deepEqual(second.done, ['exchange x durable']);
});
