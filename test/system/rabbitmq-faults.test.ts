import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { silent } from '../../src/base/log.ts';
import { dial } from '../../src/messaging/amqp1.ts';
import type { RpcClient } from '../../src/messaging/client.ts';
import { dialectOf } from '../../src/messaging/dialects.ts';
import type { Published } from '../../src/messaging/publisher.ts';
import type { RpcServer } from '../../src/messaging/server.ts';
import type { TopologyAdmin } from '../../src/messaging/topology.ts';
import type { Transport } from '../../src/messaging/transport.ts';
import { adminContext } from '../../src/objects/context.ts';
import { FakeEndpoint, gate } from '../support/endpoint.ts';
import { eventually } from '../support/eventually.ts';
import { type RecordedLines, recordedLogs } from '../support/logs.ts';
import { aServer, rabbitPresets, testQueue, testTarget } from '../support/messaging.ts';
import { type RabbitMQ, rabbitUser } from '../support/rabbitmq.ts';
import { aClientOf, connectTo, onEachRabbitMQ } from '../support/with-rabbitmq.ts';

/** Queues that outlive a restart of the broker, and a short heartbeat. */
const lasting = { amqp_durable_queues: true, heartbeat_timeout_threshold: 4 };
const retry = { first: 200, most: 1000, spread: 200 };

/** The most that anything may take on a loaded machine. */
const patience = 90_000;

interface Service {
  readonly transport: Transport;
  readonly server: RpcServer;
  readonly endpoint: FakeEndpoint;
  readonly client: RpcClient;
  readonly told: RecordedLines;
}

/** A service with queues that last, and a client of it over a connection of its own. */
async function aService(
  t: Pick<TestContext, 'after'>,
  broker: RabbitMQ,
  endpoint: FakeEndpoint,
  virtualHost = '/',
): Promise<Service> {
  const told = recordedLogs();
  const topology = { ...rabbitPresets, ...lasting };
  const url = broker.url(virtualHost);
  const [transport, other] = [
    await connectTo(url, lasting, { retry, logs: told.logs }),
    await connectTo(url, lasting, { retry, logs: () => silent }),
  ];
  const client = aClientOf(other, 'openstack', topology);
  const server = await aServer(transport, endpoint.table, { topology, logs: told.logs });
  t.after(async () => {
    await server.close();
    await client.close();
    await Promise.all([transport.close(0), other.close(0)]);
  });
  return { transport, server, endpoint, client, told };
}

/** Casts one after the other until it is told to stop; which of them the broker took. */
function casting(client: RpcClient): { readonly stop: () => Promise<string[]> } {
  const sent: { id: string; published: Promise<Published> }[] = [];
  let stopped = false;
  const run = (async () => {
    for (let at = 0; !stopped; at++) {
      const id = `cast-${at}`;
      const request = { method: 'work', version: '3.0', args: { id }, context: adminContext() };
      sent.push({ id, published: client.cast(testTarget, request, { within: patience / 1000 }) });
      await sleep(50);
    }
  })();
  return {
    async stop() {
      stopped = true;
      await run;
      const outcomes = await Promise.all(
        sent.map(async ({ id, published }) => ({ id, outcome: (await published).outcome })),
      );
      return outcomes.filter(({ outcome }) => outcome === 'accepted').map(({ id }) => id);
    },
  };
}

/** Waits until a call is answered again; how long that took. */
async function recovered(t: TestContext, what: string, client: RpcClient, since = performance.now()): Promise<number> {
  const request = { method: 'echo', version: '3.0', args: { id: 'alive' }, context: adminContext() };
  const answers = () =>
    client.call(testTarget, request, { timeout: 2, mandatory: true }, AbortSignal.timeout(3000)).then(
      () => true,
      () => false,
    );
  await eventually(`${what}: a call is answered`, answers, patience);
  const took = performance.now() - since;
  t.diagnostic(`${what}: a call is answered ${Math.round(took)} ms later`);
  return took;
}

async function aTopologyAdmin(t: TestContext, { host, port }: RabbitMQ): Promise<TopologyAdmin> {
  const login = { ...rabbitUser, external: false, tls: undefined };
  const options = { host, port, ...login, virtualHost: '/', idleTimeout: 0, name: 'admin' };
  const connection = await dial(options, AbortSignal.timeout(20_000));
  t.after(() => connection.close());
  return await dialectOf(connection).openTopology(connection, options);
}

const echoAndWork = () => new FakeEndpoint({ echo: {}, work: { class: 'work' } });

/** Every cast that the broker took ran, and ran once. */
async function eachRanOnce(endpoint: FakeEndpoint, accepted: readonly string[]): Promise<void> {
  assert.ok(accepted.length > 0);
  await eventually('all ran', () => accepted.every((id) => endpoint.ran('work', id) > 0), patience);
  await sleep(500);
  for (const [key, runs] of endpoint.runs) if (key.startsWith('work ')) assert.equal(runs, 1, key);
}

onEachRabbitMQ('faults', {}, (broker, release) => {
  for (const [what, signal, away] of [
    ['stopped for 20 seconds', 'SIGTERM', 20_000],
    ['killed', 'SIGKILL', 0],
  ] as const) {
    test(`a broker that is ${what}: nothing accepted is lost, nothing runs twice [M-40, M-42, M-43, R-09, L-130]`, async (t) => {
      const service = await aService(t, broker(), echoAndWork());
      const casts = casting(service.client);
      await eventually('casts run', () => service.endpoint.ran('work', 'cast-5') === 1, patience);

      await broker().stop(signal);
      await eventually('it is noticed', () => !service.transport.connected && !service.server.consuming, 15_000);
      await sleep(away);
      await broker().start();

      const took = await recovered(t, `broker ${what}`, service.client);
      await eachRanOnce(service.endpoint, await casts.stop());
      assert.ok(took < 10_000, `${took} ms`);
      const told = service.told
        .at('ERROR')
        .filter((line) => /AMQP server on .* is unreachable: .*\. Trying again in \d+ seconds\./.test(line));
      assert.ok(told.length > 0 && service.told.at('ERROR').length < 20, service.told.at('ERROR').join('\n'));
      assert.equal(service.told.at('INFO').filter((line) => /Reconnected to AMQP server on/.test(line)).length, 1);
    });
  }

  test('queues and bindings that are deleted are there again within 10 seconds, and a service serves [O-10, M-44, M-47]', async (t) => {
    const service = await aService(t, broker(), echoAndWork());
    const admin = await aTopologyAdmin(t, broker());
    await recovered(t, 'before', service.client);

    let since = performance.now();
    await Promise.all(['cinder-volume', 'cinder-volume.stor1@lvm', testQueue].map((name) => admin.deleteQueue(name)));
    await eventually('it is noticed', () => service.server.breaks > 0, 15_000);
    assert.ok((await recovered(t, 'queues deleted', service.client, since)) < 12_000);
    await eventually('all are consumed', () => service.server.consuming, patience);

    // With the exchange go its bindings.
    await broker().ctl(
      'eval',
      'rabbit_exchange:delete(rabbit_misc:r(<<"/">>, exchange, <<"openstack">>), false, <<"test">>).',
    );
    since = performance.now();
    assert.ok((await recovered(t, 'bindings deleted', service.client, since)) < 12_000);
  });

  test('a virtual host that is deleted and made again is served again [O-10, M-42]', async (t) => {
    await broker().ctl('add_vhost', 'passing');
    const permit = () => broker().ctl('set_permissions', '-p', 'passing', rabbitUser.user, '.*', '.*', '.*');
    await permit();
    const service = await aService(t, broker(), echoAndWork(), 'passing');
    await recovered(t, 'before', service.client);

    await broker().ctl('delete_vhost', 'passing');
    await eventually('it is noticed', () => !service.transport.connected, 20_000);
    await broker().ctl('add_vhost', 'passing');
    await permit();

    await recovered(t, 'virtual host made again', service.client);
  });

  test('while memory is short publishing waits, consuming goes on, and nothing is lost [messaging 6.2, M-52]', async (t) => {
    const service = await aService(t, broker(), echoAndWork());
    await recovered(t, 'before', service.client);
    await broker().ctl('set_vm_memory_high_watermark', 'absolute', '1000');
    try {
      const request = { method: 'work', version: '3.0', args: { id: 'blocked' }, context: adminContext() };
      let outcome = '';
      const published = service.client.cast(testTarget, request, { within: 60 }).then((done) => {
        outcome = done.outcome;
      });
      await sleep(1500);
      // RabbitMQ 3.x goes on taking what comes by AMQP 1.0.
      if (release === '4') assert.equal(outcome, '');
      assert.equal(service.transport.connected, true);
      await broker().ctl('set_vm_memory_high_watermark', 'absolute', '1GB');
      await published;
      assert.equal(outcome, 'accepted');
      await eventually('it ran', () => service.endpoint.ran('work', 'blocked') === 1, patience);
    } finally {
      await broker().ctl('set_vm_memory_high_watermark', 'absolute', '1GB');
    }
  });

  test('a broker that stands still is given up, and served again when it moves [M-45, L-130]', async (t) => {
    const service = await aService(t, broker(), echoAndWork());
    const casts = casting(service.client);
    await eventually('casts run', () => service.endpoint.ran('work', 'cast-5') === 1, patience);

    broker().signal('SIGSTOP');
    const since = performance.now();
    try {
      await eventually('it is given up', () => !service.transport.connected, 20_000);
      t.diagnostic(`a broker that stands still is given up after ${Math.round(performance.now() - since)} ms`);
      await sleep(Math.max(0, 15_000 - (performance.now() - since)));
    } finally {
      broker().signal('SIGCONT');
    }

    await recovered(t, 'broker moves again', service.client);
    await eachRanOnce(service.endpoint, await casts.stop());
  });

  if (release === '3') {
    test('what is held too long costs its session, is told as an error, and runs once all the same [R-17, R-09]', async (t) => {
      await broker().ctl(
        'eval',
        '[application:set_env(rabbit, K, V) || {K, V} <- [{consumer_timeout, 1000}, {channel_tick_interval, 1000}]].',
      );
      const held = gate();
      const endpoint = new FakeEndpoint({ echo: {}, work: { class: 'work', record: () => held.passed } });
      const service = await aService(t, broker(), endpoint);
      const request = { method: 'work', version: '3.0', args: { id: 'held' }, context: adminContext() };
      await service.client.cast(testTarget, request);

      await eventually('the session is lost', () => service.server.breaks > 0, patience);
      await broker().ctl(
        'eval',
        '[application:set_env(rabbit, K, V) || {K, V} <- [{consumer_timeout, 1800000}, {channel_tick_interval, 60000}]].',
      );
      held.open();

      await eventually('it ran', () => endpoint.ran('work', 'held') > 0, patience);
      await recovered(t, 'held too long', service.client);
      assert.equal(endpoint.ran('work', 'held'), 1);
      assert.ok(service.told.at('ERROR').length > 0);
    });
  }

  test('100 services that come and go leave no queue behind that upstream would not [O-25, M-15]', async (t) => {
    const admin = await aTopologyAdmin(t, broker());
    const before = await broker().queues();
    for (let round = 0; round < 100; round++) {
      const transport = await connectTo(broker().url(), lasting);
      const topology = { ...rabbitPresets, ...lasting };
      const server = await aServer(transport, echoAndWork().table, { topology });
      const client = aClientOf(transport, 'openstack', topology);
      const request = { method: 'echo', version: '3.0', args: {}, context: adminContext() };
      await client.call(testTarget, request, {}, AbortSignal.timeout(30_000));
      await server.close();
      await client.close();
      await transport.close();
    }
    const names = ['cinder-volume', 'cinder-volume.stor1@lvm', testQueue];
    const left = (await broker().queues()).filter((name) => !before.includes(name) && !names.includes(name));
    assert.deepEqual(left, []);
    assert.deepEqual(await admin.inspect(testQueue), { messages: 0, consumers: 0 });
  });
});
